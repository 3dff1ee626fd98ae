import { listOrder, pageOf } from "holdfast/contract";
import { ListOrdersOfCustomer, Order } from "./contracts.ts";
import { handle } from "./scope.ts";

const byNumber = listOrder("orders of a customer", Order.properties.number);

export const listOrdersOfCustomer = handle(ListOrdersOfCustomer, async ({ query, orders, reply }) =>
  reply(
    200,
    await pageOf(query, {
      order: byNumber,
      read: (before, limit) => orders.ofCustomer(query.customerId, { before, limit }),
      position: ({ number }) => number,
    }),
  ),
);
