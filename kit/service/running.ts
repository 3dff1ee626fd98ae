import type { AnyProblem, Caller, Endpoint, EventContract } from "../contract/index.ts";
import type { Store, StoredReply } from "../messaging/index.ts";
import type { TraceContext } from "../telemetry/index.ts";
import type { Admissions } from "./admission.ts";
import type { FailingCheck } from "./readiness.ts";

/** A request to a handler, whichever way it came: HTTP, a co-located call, a test. */
export interface Dispatch {
  readonly endpoint: Endpoint;
  /** As text, percent-decoded; converted by the schemas. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Parsed JSON; never converted. */
  readonly body: unknown;
  /** True when the raw text might hold NUL or lone surrogates: only then strings are searched for them. */
  readonly suspectText: boolean;
  readonly caller: Caller | undefined;
  readonly idempotencyKey: string | undefined;
  /** On the monotonic clock. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly correlationId: string;
  readonly trace: TraceContext;
}

/** A service in this process: store open, relay and consumers running. */
export interface RunningService {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly events: readonly EventContract[];
  readonly problems: readonly AnyProblem[];
  readonly store: Store<object>;
  /** Asked by whoever takes requests from clients, before it reads their bodies. */
  readonly admissions: Admissions;
  /** Validates, checks access, looks the key up, runs. Rejects with a ProblemError for every refusal; anything else that escapes is a bug of the kit. */
  dispatch(request: Dispatch): Promise<StoredReply>;
  /** Asks the store, the broker and the service's own checks which of them fail now, and why; none when ready. Resolves in little more than a second. */
  unready(): Promise<readonly FailingCheck[]>;
  /** How many messages wait for this service. */
  lag(): Promise<number>;
  /** Intake, workers and relay end in that order, within `ms`; then the store closes. New requests are refused at once with `kit/unavailable`. */
  stop(ms: number): Promise<void>;
}
