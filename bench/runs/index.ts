import type { Run } from "../harness/measure.ts";
import { calls } from "./calls.ts";
import { http } from "./http.ts";
import { latency, overload } from "./load.ts";
import { orders } from "./orders.ts";
import { peers } from "./peers.ts";
import { platform } from "./platform.ts";
import { processes } from "./processes.ts";
import { profiled } from "./profile.ts";
import { startUp } from "./start.ts";
import { stored } from "./stored.ts";
import { traces } from "./traces.ts";

/** In the order of the page. */
export const runs: readonly Run[] = [
  http,
  orders,
  latency,
  overload,
  calls,
  startUp,
  processes,
  stored,
  platform,
  traces,
  profiled,
  peers,
];
