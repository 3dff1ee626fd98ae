import type { Envelope, OutgoingJob, StoredReply } from "../messaging/index.ts";
import type { Doc, Index } from "./engine.ts";

/** What the kit keeps beside a service's own documents. */
export const names = {
  store: "holdfast_store",
  outbox: "holdfast_outbox",
  inbox: "holdfast_inbox",
  keys: "holdfast_keys",
  parked: "holdfast_parked",
  dead: "holdfast_dead_letters",
  leases: "holdfast_leases",
  schedules: "holdfast_schedules",
} as const;

export const kitCollections: Readonly<Record<string, readonly Index[]>> = {
  [names.store]: [],
  [names.outbox]: [],
  [names.inbox]: [{ on: ["at"] }],
  [names.keys]: [{ on: ["at"] }, { on: ["pendingAt"] }],
  [names.parked]: [
    { on: ["nextAt"] },
    { on: ["subscription", "nextAt"] },
    { on: ["attempts", "nextAt"] },
    { on: ["subscription", "key", "order"] },
  ],
  [names.dead]: [{ on: ["state"] }],
  [names.leases]: [],
  [names.schedules]: [],
};

/** Of every collection of a service. */
export const ownIndexes: readonly Index[] = [{ on: ["pendingAt"] }, { on: ["deletedAt"] }];

/** An envelope as JSON: bytes in base64. */
export interface StoredEnvelope extends Omit<Envelope, "data" | "causationId" | "traceparent"> {
  readonly causationId?: string;
  readonly traceparent?: string;
  readonly data?: string;
  readonly bytes?: string;
}

export const toStored = ({ data, causationId, traceparent, ...rest }: Envelope): StoredEnvelope => ({
  ...rest,
  ...(causationId === undefined ? {} : { causationId }),
  ...(traceparent === undefined ? {} : { traceparent }),
  ...(typeof data === "string" ? { data } : { bytes: Buffer.from(data).toString("base64") }),
});

export const fromStored = ({ data, bytes, causationId, traceparent, ...rest }: StoredEnvelope): Envelope => ({
  ...rest,
  causationId,
  traceparent,
  data: data ?? new Uint8Array(Buffer.from(bytes ?? "", "base64")),
});

/** What a document carries from the write that made it true until it is settled. */
export interface Pending {
  /** Random: tells whose write it was, where the answer to it was lost. */
  readonly unit: string;
  /** Id of the inbox mark of the message that was handled. */
  readonly mark?: string;
  readonly key?: {
    readonly scope: string;
    readonly fingerprint: string;
    readonly reply: StoredReply;
    /** When the unit was committed, or its reservation if that is later. */
    readonly at?: number;
  };
  readonly events: readonly StoredEnvelope[];
  readonly jobs: readonly PendingJob[];
}
export interface PendingJob {
  readonly subscription: string;
  readonly envelope: StoredEnvelope;
  readonly nextAt: number;
}

/** A service's own document. */
export interface OwnDoc extends Doc {
  readonly deleted?: true;
  readonly deletedAt?: number;
  readonly pending?: Pending;
  readonly pendingAt?: number;
}

export interface ParkedDoc extends Doc {
  readonly subscription: string;
  readonly key: string;
  /** Within the key. */
  readonly order: number;
  readonly envelope: StoredEnvelope;
  readonly attempts: number;
  /** Absent while it waits behind another of its key, and while it holds its key after a dead letter. */
  readonly nextAt?: number;
  readonly error: string;
  readonly redrive: number;
  readonly claimedBy?: string;
  readonly claimedUntil?: number;
  readonly deadLetter?: string;
}

/** Names one message for one subscription, whatever its redrives: the id of its inbox mark and of its parked row. */
export const markOf = (subscription: string, { source, id }: Pick<Envelope, "source" | "id">): string =>
  `${subscription} ${source} ${id}`;

export const jobDocument = ({ subscription, envelope, nextAt }: PendingJob): ParkedDoc => ({
  _id: markOf(subscription, envelope),
  version: 1,
  subscription,
  key: envelope.key,
  order: 1,
  envelope,
  attempts: 0,
  nextAt,
  error: "",
  redrive: 0,
});

/** A job under an id that is the same whenever its unit is repeated. */
export function pendingJob({ subscription, dueAt, ...message }: OutgoingJob, id: string, now: number): PendingJob {
  const envelope = toStored({ ...message, id, key: id, time: new Date(now).toISOString() });
  return { subscription, envelope, nextAt: dueAt === undefined ? Math.floor(now) : Math.ceil(dueAt) };
}
