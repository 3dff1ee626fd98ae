import { findProblem } from "../contract/index.ts";
import { shortened } from "../runtime/index.ts";
import type { Envelope } from "./envelope.ts";
import { storable } from "./storable.ts";

/** A message that becomes a dead letter, and why. */
export interface Burial {
  readonly subscription: string;
  readonly envelope: Envelope;
  readonly attempts: number;
  readonly redrive: number;
  readonly code: string;
  readonly error: string;
  /** Later messages of the key wait until this one is redriven or discarded. */
  readonly hold: boolean;
  readonly effectKeys: readonly string[];
}

/** What a message failed with, as its dead letter would say it. */
export interface Failure {
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
}

export const lastFailure = (error: unknown, attempts: number): Failure => ({
  code: codeOf(error),
  reason: reasonOf(error),
  attempts,
});
/** Of a message whose `exhausted` failed too: the code is that of the message's own failure, the reason tells of both. */
export const twiceFailed = ({ code, reason }: Failure, error: unknown): Pick<Burial, "code" | "error"> => ({
  code,
  error: `${shortened(reason, 1_000)}; and then its exhausted failed: ${shortened(reasonOf(error), 900)}`,
});

/** What a store keeps of an error: no stack, no more than a person reads, and nothing that a store cannot hold. */
export const reasonOf = (error: unknown): string =>
  shortened(storable(error instanceof Error ? `${error.name}: ${error.message}` : String(error)), 2_000);
/** That of a problem, be it the error or among its causes. */
export const codeOf = (error: unknown): string => findProblem(error)?.code ?? "kit/handler-failed";

/** Older than what duplicates are caught for: that it is new cannot be proved. */
export const tooOld = {
  code: "kit/too-old",
  detail: "The message is older than the retention of the inbox: that it is new cannot be proved.",
} as const;
