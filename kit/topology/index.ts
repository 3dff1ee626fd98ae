export { startSystem, type RunningSystem, type SystemOptions } from "./system.ts";
