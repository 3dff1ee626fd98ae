import { billing } from "./billing/service.ts";
import { customers } from "./customers/service.ts";
import { inventory } from "./inventory/service.ts";
import { orders } from "./orders/service.ts";

/** The shop. */
export const commerce = [customers, orders, inventory, billing] as const;
