export { Type as t, type TSchema } from "typebox";
export { bytes, mediaTypesOf, type BytesSchema } from "./bytes.ts";
export { canonicalJson } from "./canonical.ts";
export { contractFaults } from "./contract-faults.ts";
export {
  contracts,
  noContent,
  paramsSchema,
  pathNames,
  replySpec,
  type Access,
  type BodyOf,
  type Caller,
  type CallerOf,
  type Contract,
  type ContractsOptions,
  type Endpoint,
  type EndpointSpec,
  type EventContract,
  type EventData,
  type Guest,
  type HeadersOf,
  type JobContract,
  type JobData,
  type JobSpec,
  type Method,
  type ParamsOf,
  type QueryOf,
  type RepliesOf,
  type ReplySpec,
  type ServiceIdentity,
  type User,
} from "./contracts.ts";
export { cutter } from "./cut.ts";
export { docsPage, type Documented } from "./docs-page.ts";
export { isUnknown, jsonSchema, plain, schemaFaults, type JsonSchema } from "./json-schema.ts";
export { parseExactJson, parseKeepingDigits } from "./json-text.ts";
export { kitProblems } from "./kit-problems.ts";
export { onBehalfOfHeader, readOnBehalfOf, writeOnBehalfOf } from "./on-behalf-of.ts";
export { openapi, type ApiInfo } from "./openapi.ts";
export { listOrder, page, pageOf, pageQuery, type ListOrder, type PageSource } from "./page.ts";
export { loggable, privateTexts } from "./private-texts.ts";
export {
  findProblem,
  isProblem,
  problemBody,
  ProblemError,
  type AnyProblem,
  type Problem,
  type ProblemSpec,
} from "./problem.ts";
export { makeReply, type MadeReply, type Replied, type Reply, type ReplyOf, type ReplyTo } from "./reply.ts";
export { compile, convert, findBadText, maxDepth, pointer, type FieldError, type Validator } from "./validator.ts";
export type { Value } from "./value.ts";
