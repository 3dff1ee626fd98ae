import * as contracts from "./contracts.ts";
import { getOrder } from "./get-order.ts";
import { listOrdersOfCustomer } from "./list-orders-of-customer.ts";
import { placeOrder } from "./place-order.ts";
import { rememberCustomer } from "./remember-customer.ts";
import { assemble } from "./scope.ts";

export const orders = assemble(contracts, {
  routes: { PlaceOrder: placeOrder, GetOrder: getOrder, ListOrdersOfCustomer: listOrdersOfCustomer },
  consumers: [rememberCustomer],
});
