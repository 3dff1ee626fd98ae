import type { JobContract } from "../contract/index.ts";
import type { Admissions } from "./admission.ts";
import type { DocumentBy } from "./document.ts";
import type { Service } from "./service.ts";
import type { Undoing } from "./undoing.ts";
import type { Cause, Surroundings } from "./unit-context.ts";

/** What every unit of one service is built from. */
export interface InUnit {
  readonly scopeOf: (access: object, cause: Cause) => object;
  readonly surroundings: Surroundings;
  readonly resources: object;
  /** Those that have a handler: nothing else can be enqueued. */
  readonly jobs: ReadonlySet<JobContract>;
  readonly around: Service["spec"]["around"];
  readonly admissions: Admissions;
  readonly undoing: Undoing;
}

export function aroundGiven(cause: Cause, { log, runtime }: Surroundings) {
  return { handler: cause.handler, caller: cause.caller, log, now: () => new Date(runtime.clock.now()) };
}

/** Opens the document that a handler names, before anything else of its unit. */
export async function opened(document: DocumentBy<never, unknown>, access: object, given: object): Promise<object> {
  const kit = "kit" in access ? access.kit : undefined;
  return { document: await document.open(kit, given as never) }; // Proof: what came in is what the document is named by.
}
