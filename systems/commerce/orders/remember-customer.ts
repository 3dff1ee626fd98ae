import { CustomerCreated } from "../customers/contracts.ts";
import { on } from "./scope.ts";

export const rememberCustomer = on(CustomerCreated, async ({ data, customers }) => {
  await customers.remember(data);
});
