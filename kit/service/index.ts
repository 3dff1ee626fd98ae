export { Admission, type Admissions } from "./admission.ts";
export { callChainHeader, callChainOf, formatCallChain } from "./call-chain.ts";
export type {
  AroundGiven,
  Consumer,
  ConsumerOptions,
  JobHandler,
  JobOptions,
  ResourcesGiven,
  Route,
  ScopeGiven,
  StorePlace,
  StoreSpec,
} from "./definition.ts";
export type { Document, DocumentBy, WithDocument } from "./document.ts";
export { refuseFaults, startupFaults } from "./faults.ts";
export { reservedNames } from "./given.ts";
export type {
  Always,
  CallRequest,
  Failed,
  Inside,
  JobMessage,
  Message,
  MessageInfo,
  Outside,
  Request,
  When,
} from "./given.ts";
export { Preparing } from "./preparing.ts";
export { messageIdentity, type Identity } from "./identity.ts";
export type { FailingCheck } from "./readiness.ts";
export { describe, startService, type Environment } from "./host.ts";
export type { Dispatch, RunningService } from "./running.ts";
export { answered, served, type Asked } from "./spans.ts";
export {
  configSection,
  service,
  type Parts,
  type Service,
  type ServiceBuilder,
  type ServiceOptions,
} from "./service.ts";
export type { Calls, Cause } from "./unit-context.ts";
