export { crash, crashTable, type CrashLoad, type CrashOptions, type CrashReport, type CrashScenario } from "./crash.ts";
export type { Reconciliation } from "./crash-settled.ts";
export { crashSingles, type Companion, type SinglesOptions, type SinglesReport } from "./crash-singles.ts";
export { samplesOf, valueOf, type Sample as MetricSample } from "./samples.ts";
export { asService, operator, start, until, user, type StartOptions, type TestCall, type TestSystem } from "./start.ts";
export {
  badInputs,
  checkBadInputs,
  goodInput,
  sendRaw,
  type BadInput,
  type RawReply,
  type Sample,
} from "./bad-input.ts";
