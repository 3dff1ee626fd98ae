export type { Broker, Delivery, Producer, Subscribe, Subscription } from "./broker.ts";
export { startConsumer, type Consumer, type ConsumerOptions } from "./consumer.ts";
export type { Envelope } from "./envelope.ts";
export { startHousekeeping } from "./housekeeping.ts";
export { Bell } from "./loop.ts";
export { startRelay, type Relay, type RelayOptions } from "./relay.ts";
export { DeadOnArrival, judgeBy, pauses, type RetryPolicy } from "./retry-policy.ts";
export type {
  AuditEntry,
  Batch,
  BatchResult,
  DeadLetter,
  Incoming,
  KeyClaim,
  Lease,
  Outgoing,
  Parked,
  Settled,
  Store,
  StoredReply,
  Unit,
  UnitOfWork,
  Verdict,
} from "./store.ts";
export { prepareSubscription, type MessageSubscription, type Prepared } from "./subscription.ts";
