import * as contracts from "./contracts.ts";
import { createCustomer } from "./create-customer.ts";
import { getCustomerOrders } from "./get-customer-orders.ts";
import { getCustomer } from "./get-customer.ts";
import { lookUpCustomer } from "./look-up-customer.ts";
import { assemble } from "./scope.ts";

export const customers = assemble(contracts, {
  routes: {
    CreateCustomer: createCustomer,
    GetCustomer: getCustomer,
    GetCustomerOrders: getCustomerOrders,
    LookUpCustomer: lookUpCustomer,
  },
  consumers: [],
});
