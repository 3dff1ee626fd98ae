import { isProblem } from "holdfast/contract";
import { LookUpCustomer, UnknownCustomer as CustomersDoesNotKnow } from "../customers/contracts.ts";
import { OrderCreated, PlaceOrder, UnknownCustomer, type Order } from "./contracts.ts";
import { checkLines } from "./order.ts";
import { handle } from "./scope.ts";

export const placeOrder = handle(PlaceOrder, {
  /** `customer.created` may not have come yet: then customers is asked. */
  prepare: async ({ body, customers, call }) => {
    checkLines(body.lines);
    const { customerId } = body;
    if (await customers.has(customerId)) return undefined;
    try {
      return (await call(LookUpCustomer, { params: { customerId } })).body;
    } catch (error) {
      if (isProblem(error, CustomersDoesNotKnow.code)) throw UnknownCustomer({ customerId });
      throw error;
    }
  },
  run: async ({ body, prepared, orders, customers, publish, newId, now, reply }) => {
    const { customerId, lines } = body;
    if (prepared !== undefined) await customers.remember(prepared);
    const number = await customers.countOrder(customerId);
    const order: Order = {
      orderId: newId(),
      customerId,
      number,
      status: "pending",
      lines,
      createdAt: now().toISOString(),
    };
    await orders.insert(order);
    publish(OrderCreated, { orderId: order.orderId, customerId, number, lines });
    return reply(201, order, { location: `/orders/${order.orderId}` });
  },
});
