import { compile, type EventContract } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { DeadOnArrival, judgeBy, type RetryPolicy } from "./retry-policy.ts";
import type { Envelope } from "./envelope.ts";
import type { Incoming, Unit, Verdict } from "./store.ts";

/** What a service does with an event. */
export interface MessageSubscription {
  readonly event: EventContract;
  readonly afterDeadLetter: "continue" | "hold";
  readonly retry: Partial<RetryPolicy>;
  readonly effectKeys: (data: unknown) => readonly string[];
  /** Outside any transaction, with a deadline. */
  readonly prepare: ((envelope: Envelope, data: unknown, attempt: number, signal: AbortSignal, access: object) => Promise<unknown>) | undefined;
  readonly handle: (envelope: Envelope, data: unknown, attempt: number, unit: Unit<object>, prepared: unknown) => Promise<void>;
}

/** A subscription ready to be fed. */
export interface Prepared {
  /** `orders/customer.created` */
  readonly name: string;
  readonly subscription: MessageSubscription;
  readonly judge: (error: unknown, attempt: number) => Verdict;
  /** Marks what may not reach a handler. */
  incoming(envelope: Envelope): Incoming;
  /** Validated data; throws DeadOnArrival. */
  decode(envelope: Envelope): unknown;
}

export function prepareSubscription(service: string, subscription: MessageSubscription, runtime: Runtime): Prepared {
  const { event } = subscription;
  const validator = compile(event.data, { open: true });
  const decoded = new WeakMap<Envelope, unknown>();
  const decode = (envelope: Envelope): unknown => {
    const known = decoded.get(envelope);
    if (known !== undefined) return known;
    if (envelope.version !== event.version) {
      throw new DeadOnArrival("kit/unknown-version", `${event.name} has version ${String(event.version)} here, the message ${String(envelope.version)}.`);
    }
    if (typeof envelope.data !== "string") throw new DeadOnArrival("kit/undecodable", "The data is not UTF-8.");
    let data: unknown;
    try {
      data = JSON.parse(envelope.data);
    } catch (error) {
      throw new DeadOnArrival("kit/undecodable", `The data is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!validator.check(data)) {
      const [first] = validator.errors(data);
      throw new DeadOnArrival("kit/invalid-data", `The data does not fit ${event.name}: ${first?.field ?? ""} ${first?.message ?? ""}`);
    }
    decoded.set(envelope, data);
    return data;
  };
  return {
    name: `${service}/${event.name}`,
    subscription,
    judge: judgeBy(subscription.retry, runtime),
    decode,
    incoming(envelope) {
      try {
        decode(envelope);
        return { envelope };
      } catch (error) {
        if (error instanceof DeadOnArrival) return { envelope, dead: { code: error.code, detail: error.message } };
        throw error;
      }
    },
  };
}
