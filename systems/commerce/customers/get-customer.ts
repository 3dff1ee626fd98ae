import { GetCustomer } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getCustomer = handle(GetCustomer, async ({ params, customers, reply }) => {
  const { customer } = await customers.require(params.customerId);
  return reply(200, customer);
});
