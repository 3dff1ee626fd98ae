import { pageOf } from "holdfast/contract";
import { ListOrdersOfCustomer } from "./contracts.ts";
import { handle } from "./scope.ts";

export const listOrdersOfCustomer = handle(ListOrdersOfCustomer, async ({ query, orders, reply }) =>
  reply(
    200,
    await pageOf(query, {
      read: (before: number | undefined, limit) => orders.ofCustomer(query.customerId, { before, limit }),
      cursor: (order) => order.number,
    }),
  ),
);
