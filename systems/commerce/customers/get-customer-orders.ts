import { ListOrdersOfCustomer } from "../orders/contracts.ts";
import { GetCustomerOrders } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getCustomerOrders = handle(GetCustomerOrders, {
  prepare: async ({ params: { customerId }, query, customers, call }) => {
    await customers.require(customerId);
    // Only orders knows its cursors.
    const asked = { query: { ...query, customerId }, fromClient: ["customerId", "cursor", "limit"] } as const;
    return (await call(ListOrdersOfCustomer, asked)).body;
  },
  run: async ({ prepared, reply }) => reply(200, prepared),
});
