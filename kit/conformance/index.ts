/** Suites for `node:test` that every engine passes, ours and other people's: each says what an engine promises, and takes reasons for what one does not. */
export { brokerConformance, type BrokerRig, type BrokerTraits } from "../brokers/broker.conformance.ts";
export { documentEngineConformance, type DocumentRig, type DocumentTraits } from "../documents/engine.conformance.ts";
export { sqlEngineConformance, type SqlEngineTraits } from "../sql/engine.conformance.ts";
export { isolationConformance, type IsolationTraits, type SqlGround } from "../sql/isolation.conformance.ts";
