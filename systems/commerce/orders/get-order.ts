import { GetOrder } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getOrder = handle(GetOrder, async ({ params, orders, reply }) =>
  reply(200, await orders.require(params.orderId)),
);
