import type { Waiting } from "../messaging/index.ts";
import type { DocumentEngine } from "./engine.ts";
import { names, type ParkedDoc } from "./kit-collections.ts";

const pageSize = 500;

type Timed = ParkedDoc & { readonly nextAt: number };

/** A page of the rows that wait, the longest first, from a time on downwards; after the last page it begins anew. */
export async function waitingBelow(
  engine: Pick<DocumentEngine, "find">,
  place: number | undefined,
): Promise<{ readonly rows: readonly Timed[]; readonly next: number | undefined }> {
  const rows = await engine.find(names.parked, {
    atMost: { field: "nextAt", value: place ?? Number.MAX_SAFE_INTEGER },
    sort: ["nextAt"],
    backwards: true,
    limit: pageSize,
  });
  // Proof: rows of this collection are written as such, and these have a time.
  const found = rows as unknown as readonly Timed[];
  const lowest = found.at(-1)?.nextAt;
  // Of more than a page for one time the rest is passed over.
  const next = found.length < pageSize || lowest === undefined ? undefined : lowest === place ? lowest - 1 : lowest;
  return { rows: found, next };
}

export const waitingOf = ({ subscription, envelope, attempts, redrive, nextAt, key }: Timed): Waiting => ({
  subscription,
  // The key of a job is its own id.
  timer: attempts === 0 && redrive === 0 && key === envelope.id,
  nextAt,
  time: envelope.time,
  headers: envelope.headers,
});
