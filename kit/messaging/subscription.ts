import type { EventContract } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { decoderOf, type Decoder } from "./decode.ts";
import type { Envelope } from "./envelope.ts";
import { judgeBy, type RetryPolicy } from "./retry.ts";
import type { Batch, Unit } from "./store.ts";

/** A consumer of one event, as the service layer hands it over. */
export interface MessageSubscription {
  readonly event: EventContract;
  readonly afterDeadLetter: "continue" | "hold";
  readonly retry: Partial<RetryPolicy>;
  /** Keys of effects that the message may have used; shown with its dead letter. */
  readonly effectKeys: (data: unknown) => readonly string[];
  /** Runs outside of any transaction, for 10 seconds at most; `access` is the store read-only. */
  readonly prepare:
    | ((envelope: Envelope, data: unknown, attempt: number, signal: AbortSignal, access: object) => Promise<unknown>)
    | undefined;
  handle(envelope: Envelope, data: unknown, attempt: number, unit: Unit<object>, prepared: unknown): Promise<void>;
}

/** A subscription with what is derived from it once. */
export interface Subscriber {
  /** `orders/customer.created`: consumer name of inbox and parking. */
  readonly name: string;
  readonly subscription: MessageSubscription;
  readonly decoder: Decoder;
  readonly judge: Batch<object>["judge"];
}

export const subscriberOf = (service: string, subscription: MessageSubscription, runtime: Runtime): Subscriber => ({
  name: `${service}/${subscription.event.name}`,
  subscription,
  decoder: decoderOf(subscription.event),
  judge: judgeBy(subscription.retry, runtime),
});
