import { commerce } from "./commerce/services.ts";
import { education } from "./education/services.ts";

/** A service may be in several. */
export const systems = { commerce, education } as const;

/** Those of all systems, each once. */
export const services = [...new Set([...commerce, ...education])];
