import type { Envelope } from "./envelope.ts";

/** Who publishes, and since when: a broker refuses a producer whose epoch is lower than one it has seen. */
export interface Producer {
  /** One name a store, the same after a restart: `orders/<store id>`. */
  readonly name: string;
  /** Fencing epoch of the relay's lease. */
  readonly epoch: number;
}

export interface Delivery {
  readonly envelope: Envelope;
  /** Position in the log or delivery tag, for reports only. */
  readonly position: string;
}

export interface Subscribe {
  /** Consumer group: the name of the consuming service. Its instances share the work. */
  readonly group: string;
  readonly topic: string;
  /** At most this many deliveries a batch. */
  readonly batch: number;
  /**
   * Called with one batch at a time, in log order. When it resolves, the outcome is durable and the position may move;
   * when it rejects, the same deliveries come again after a pause. After `signal` aborts nothing more is delivered:
   * the group belongs to someone else.
   */
  readonly deliver: (batch: readonly Delivery[], signal: AbortSignal) => Promise<void>;
}

export interface Subscription {
  /** How many messages of the topic wait behind the position of the group; exact up to 1,000, beyond that it may be less than there are. */
  lag(): Promise<number>;
  /** Ends intake, waits for the batch in hand, moves the position, gives the lease back. */
  close(): Promise<void>;
}

/** The two promises of messaging: published means on disk; delivered until acknowledged, in order of the key. */
export interface Broker {
  readonly name: string;
  /** Creates what is missing; may be called again and by several services. A new group starts at the earliest message. */
  ensure(topology: {
    readonly topics: readonly string[];
    readonly groups: readonly { readonly group: string; readonly topic: string }[];
  }): Promise<void>;
  /** Resolves when every message is durable, in the given order. Rejects with code `kit/stale-epoch` for a fenced producer. May be repeated after a failure. */
  publish(producer: Producer, messages: readonly Envelope[]): Promise<void>;
  subscribe(subscribe: Subscribe): Promise<Subscription>;
  /** Why it cannot be used now; undefined where it can. Resolves within a second. Makes services unready. @default it always can */
  fault?(): Promise<string | undefined>;
  /** Every message on a topic that is still retained; for consoles and tests. */
  read(
    topic: string,
    after: number,
    limit: number,
  ): Promise<readonly { readonly offset: number; readonly envelope: Envelope }[]>;
  close(): Promise<void>;
}
