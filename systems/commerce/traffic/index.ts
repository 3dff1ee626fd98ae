import type { UnderLoad } from "../../traffic/reconcile.ts";
import { shopCheck } from "./reconcile.ts";
import { ShopTraffic } from "./traffic.ts";

export const shopUnderLoad: UnderLoad = {
  check: shopCheck,
  traffic: (options) => new ShopTraffic(options),
  probe: "/stock?limit=1",
  history: "/orders/<orderId>/history",
};
