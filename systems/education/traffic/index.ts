import type { UnderLoad } from "../../traffic/reconcile.ts";
import { educationCheck } from "./reconcile.ts";
import { LearnerTraffic } from "./traffic.ts";

export const educationUnderLoad: UnderLoad = {
  check: educationCheck,
  traffic: (options) => new LearnerTraffic(options),
  probe: "/courses?limit=1",
  history: "/registrations/<registrationId>/history",
};
