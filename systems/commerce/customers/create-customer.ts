import { CreateCustomer, CustomerCreated } from "./contracts.ts";
import { handle } from "./scope.ts";

export const createCustomer = handle(CreateCustomer, async ({ body, customers, publish, newId, now, reply }) => {
  const { customer, owner } = await customers.insert({ ...body, customerId: newId(), createdAt: now() });
  const { customerId, name } = customer;
  publish(CustomerCreated, { customerId, name, ...(owner === undefined ? {} : { owner }) });
  return reply(201, customer, { location: `/customers/${customerId}` });
});
