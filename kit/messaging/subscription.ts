import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { Failure } from "./burial.ts";
import { decoderOf, type Decoder, type MessageForm } from "./decode.ts";
import type { Envelope } from "./envelope.ts";
import { judgeBy, type RetryPolicy } from "./retry.ts";
import type { Batch, Unit } from "./store.ts";

/** What a preparation is given by who runs it. */
export interface Preparing {
  readonly signal: AbortSignal;
  /** The store, read-only. */
  readonly access: object;
  /** Told of the key of each effect before it is had; the dead letter of this attempt lists them. */
  readonly uses: (effectKey: string) => void;
}

/** A consumer of one event, or the worker of one job, as the service layer hands it over. */
export interface MessageSubscription {
  /** `orders/customer.created`, `billing/job:charge`: its name in inbox, parking and dead letters. */
  readonly name: string;
  readonly form: MessageForm;
  readonly afterDeadLetter: "continue" | "hold";
  readonly retry: Partial<RetryPolicy>;
  /** Keys of effects that the message may have used, beside those that its last `prepare` told of; shown with its dead letter. */
  readonly effectKeys: (data: unknown) => readonly string[];
  /** Runs outside of any transaction, for 10 seconds at most. */
  readonly prepare:
    | ((envelope: Envelope, data: unknown, attempt: number, during: Preparing) => Promise<unknown>)
    | undefined;
  /** A unit in place of the dead letter of a message that could be decoded; with it, or with `prepare`, every message is parked at once. */
  readonly exhausted:
    | ((envelope: Envelope, data: unknown, failure: Failure, unit: Unit<object>) => Promise<void>)
    | undefined;
  handle(envelope: Envelope, data: unknown, attempt: number, unit: Unit<object>, prepared: unknown): Promise<void>;
}

/** A subscription with what is derived from it once. */
export interface Subscriber {
  readonly subscription: MessageSubscription;
  readonly decoder: Decoder;
  readonly judge: Batch<object>["judge"];
}

export const subscriberOf = (
  subscription: MessageSubscription,
  { runtime, log }: { readonly runtime: Runtime; readonly log: Pick<Logger, "error"> },
): Subscriber => ({
  subscription,
  decoder: decoderOf(subscription.form),
  judge: judgeBy(subscription.retry, runtime, (error) =>
    log.error("the judge of a retry policy failed; the usual rules decide", { subscription: subscription.name, error }),
  ),
});
