export { LocalCalls } from "./local.ts";
