export { backoffMs, type Backoff } from "./backoff.ts";
export type { Broker, Delivery, Producer, Subscribe, Subscription } from "./broker.ts";
export {
  amqpPrefix,
  fromBinary,
  fromStructured,
  kafkaPrefix,
  toBinary,
  toStructured,
  type BinaryMode,
  type Fallback,
} from "./cloud-events.ts";
export { startConsumer, type ConsumerOptions, type RunningConsumer } from "./consumer.ts";
export type { Envelope } from "./envelope.ts";
export { startHousekeeping, type Housekeeping } from "./housekeeping.ts";
export { knownStore, remember, type KnownStore } from "./known-store.ts";
export { watchStore, type StoreWatch } from "./store-watch.ts";
export { codeOf, lastFailure, reasonOf, tooOld, twiceFailed, type Burial, type Failure } from "./burial.ts";
export { keyClock, type KeyClock } from "./key-clock.ts";
export { keyRetentionMs, longestClaimMs, lowestUuidv7, messageRetentionMs, validLowWater } from "./retention.ts";
export { steadyClock } from "./steady-clock.ts";
export { delayHeader } from "./waiting.ts";
export { brokerProblems, checkAttributes, maxMessageBytes, messageProblems } from "./problems.ts";
export { startRelay, type Relay, type RelayOptions } from "./relay.ts";
export { defaultRetry, isInfrastructure, retryFaults, type RetryPolicy } from "./retry.ts";
export { created, failureOf, showsSending, showsTicks } from "./spans.ts";
export { patternFault, startSchedules, type ScheduledJob, type Schedules } from "./schedules.ts";
export type {
  AuditEntry,
  Backlog,
  Batch,
  BatchResult,
  DeadLetter,
  Exhausted,
  Incoming,
  KeyClaim,
  KeyState,
  Lease,
  OutboxRow,
  Outgoing,
  OutgoingJob,
  Parked,
  Schedule,
  Settled,
  Store,
  StoredReply,
  SweepOptions,
  Unit,
  UnitOfWork,
  Verdict,
  Waiting,
} from "./store.ts";
export type { MessageForm } from "./decode.ts";
export type { MessageSubscription, Preparing } from "./subscription.ts";
export { Recent, type Placed } from "./recent.ts";
export { isStorable, storable } from "./storable.ts";
export { makePace } from "./pace.ts";
export { makeWake, type Wake } from "./wake.ts";
