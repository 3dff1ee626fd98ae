export { clockSkewMs, type Clock } from "./clock.ts";
export {
  configTable,
  ConfigError,
  defaultOf,
  developmentDefault,
  loadConfig,
  marked,
  secret,
  type ConfigFaults,
  type ConfigSection,
  type ConfigSources,
  type FieldSchema,
  type LoadedConfig,
  type Settings,
} from "./config.ts";
export { controlledRuntime, type ControlledOptions, type ControlledRuntime } from "./controlled.ts";
export { endInTurn, endTogether } from "./ending.ts";
export { faultPoints, noFaults, plantedFaults, type FaultPoint, type FaultReport, type Faults } from "./faults.ts";
export { Derivation, secretBytes } from "./derivation.ts";
export { derivedId, timeOfUuidv7, type Ids } from "./ids.ts";
export { isLoopback } from "./loopback.ts";
export { privateFile, privateFolder, tighten } from "./private-files.ts";
export { productionSwitch, type ProductionSwitch } from "./production.ts";
export { seededRandom, type Random } from "./random.ts";
export { systemRuntime, type Runtime } from "./runtime.ts";
export { shortened } from "./text.ts";
export type { Timer, Timers } from "./timers.ts";
export { connectionAccepted, handleInTurn, ownTurn } from "./turns.ts";
export { within } from "./within.ts";
