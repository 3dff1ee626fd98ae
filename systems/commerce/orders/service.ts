import * as contracts from "./contracts.ts";
import { getOrderHistory } from "./get-order-history.ts";
import { getOrderInvoice } from "./get-order-invoice.ts";
import { getOrder } from "./get-order.ts";
import { learnProduct } from "./learn-product.ts";
import { listOrdersOfCustomer } from "./list-orders-of-customer.ts";
import { expireOrder, movers } from "./move-order.ts";
import { placeOrder } from "./place-order.ts";
import { rememberCustomer } from "./remember-customer.ts";
import { assemble } from "./scope.ts";

export const orders = assemble(contracts, {
  routes: {
    PlaceOrder: placeOrder,
    GetOrder: getOrder,
    GetOrderHistory: getOrderHistory,
    GetOrderInvoice: getOrderInvoice,
    ListOrdersOfCustomer: listOrdersOfCustomer,
  },
  consumers: [rememberCustomer, learnProduct, ...movers],
  jobs: [expireOrder],
});
