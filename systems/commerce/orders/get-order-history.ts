import { GetOrderHistory } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getOrderHistory = handle(GetOrderHistory, async ({ params, orders, reply }) =>
  reply(200, { items: await orders.history(params.orderId) }),
);
