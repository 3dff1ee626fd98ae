export { Client, type ClientOptions } from "./client.ts";
export { callLimits, type CallLimits } from "./policies.ts";
