// For `node --import`: the kit with everything about traces taken out, to measure what they cost where they are off. Ids that nobody looks at stand in
// for those that would be made, and steps run as they are.
import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

const kit = (file: string): string => new URL(`../../kit/${file}`, import.meta.url).href;
const context = '{ traceId: "10000000000000000000000000000000", spanId: "1000000000000000", sampled: false }';
const standIns = new Map([
  [
    kit("telemetry/trace.ts"),
    `const context = ${context};
     export const readTraceparent = () => undefined;
     export const parseTraceparent = () => context;
     export const formatTraceparent = () => "00-10000000000000000000000000000000-1000000000000000-00";
     export const newTraceId = () => context.traceId;
     export const newSpanId = () => context.spanId;`,
  ],
  [
    kit("service/spans.ts"),
    `export const inStep = (_spans, _name, cause, step) => step(cause);
     export const served = (_spans, _asked, dispatch) => dispatch(undefined);
     export const answered = () => {};`,
  ],
]);
for (const url of standIns.keys())
  if (!existsSync(fileURLToPath(url)))
    throw new Error(`There is no ${url} any more: the stand-ins are for another kit.`);

registerHooks({
  load(url, given, next) {
    const source = standIns.get(url);
    return source === undefined ? next(url, given) : { format: "module", source, shortCircuit: true };
  },
});
