import { shopUnderLoad } from "../commerce/traffic/index.ts";
import { educationUnderLoad } from "../education/traffic/index.ts";
import type { UnderLoad } from "./reconcile.ts";

/** Every system that the demo drives and the crash rig kills. */
export const underLoad: Readonly<Record<string, UnderLoad>> = {
  commerce: shopUnderLoad,
  education: educationUnderLoad,
};
