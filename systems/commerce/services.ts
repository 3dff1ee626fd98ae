import { billing } from "./billing/service.ts";
import { customers } from "./customers/service.ts";
import { inventory } from "./inventory/service.ts";
import { orders } from "./orders/service.ts";
import { notifications } from "../notifications/service.ts";

/** The shop, and what tells its people. */
export const commerce = [customers, orders, inventory, billing, notifications] as const;
