import { customers } from "./customers/service.ts";
import { orders } from "./orders/service.ts";

/** The shop. */
export const commerce = [customers, orders] as const;
