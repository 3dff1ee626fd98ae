import { ListOrdersOfCustomer } from "../orders/contracts.ts";
import { GetCustomerOrders } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getCustomerOrders = handle(GetCustomerOrders, {
  prepare: async ({ params, query, customers, call }) => {
    await customers.require(params.customerId);
    return (await call(ListOrdersOfCustomer, { query: { ...query, customerId: params.customerId } })).body;
  },
  run: async ({ prepared, reply }) => reply(200, prepared),
});
