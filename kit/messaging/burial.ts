import type { Envelope } from "./envelope.ts";

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

/** What a store keeps of an error: no stack, and no more than a person reads. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 2_000);
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "kit/handler-failed";

/** Older than what duplicates are caught for: that it is new cannot be proved. */
export const tooOld = {
  code: "kit/too-old",
  detail: "The message is older than the retention of the inbox: that it is new cannot be proved.",
} as const;
