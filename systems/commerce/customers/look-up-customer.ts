import { LookUpCustomer } from "./contracts.ts";
import { handle } from "./scope.ts";

export const lookUpCustomer = handle(LookUpCustomer, async ({ params, customers, reply }) => {
  const { customer, owner } = await customers.require(params.customerId);
  return reply(200, {
    customerId: customer.customerId,
    name: customer.name,
    email: customer.email,
    ...(owner === undefined ? {} : { owner }),
  });
});
