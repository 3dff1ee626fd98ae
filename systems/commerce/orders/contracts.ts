import { contracts, page, pageQuery, t, type Value } from "holdfast/contract";
import { Money, PaymentMethod } from "../../money.ts";
import { Invoice } from "../billing/contracts.ts";
import { Line, Lines } from "../inventory/contracts.ts";

const { endpoint, event, problem } = contracts("orders", { exchange: "commerce" });

const orderId = t.String({ format: "uuid" });
const customerId = t.String({ format: "uuid" });

export const NewOrder = t.Object({
  customerId,
  lines: Lines,
  paymentMethod: PaymentMethod,
  reservation: t.Optional(
    t.Union([t.Literal("immediate"), t.Literal("later")], {
      description: "immediate: refused at once when stock is short. Later, the default: rejected in the end",
    }),
  ),
});
const PricedLine = t.Object({ ...Line.properties, price: Money });
export const Order = t.Object({
  orderId,
  customerId,
  number: t.Integer({ minimum: 1, description: "1 for the customer's first order, without gaps" }),
  status: t.Union([t.Literal("pending"), t.Literal("confirmed"), t.Literal("rejected")]),
  reason: t.Optional(t.String({ description: "Why it was rejected" })),
  lines: t.Array(PricedLine),
  total: Money,
  createdAt: t.String({ format: "date-time" }),
});
export interface Order extends Value<typeof Order> {}

/** What came to an order's ears, and what it did to it. */
export const OrderFact = t.Object({
  at: t.String({ format: "date-time" }),
  fact: t.Union([
    t.Literal("placed"),
    t.Literal("reserved"),
    t.Literal("stock-rejected"),
    t.Literal("paid"),
    t.Literal("payment-failed"),
    t.Literal("refunded"),
    t.Literal("timed-out"),
  ]),
  effect: t.Union([t.Literal("noted"), t.Literal("confirmed"), t.Literal("rejected"), t.Literal("too late")]),
  note: t.Optional(t.String()),
});
export interface OrderFact extends Value<typeof OrderFact> {}

export const UnknownOrder = problem("orders/unknown-order", {
  status: 404,
  retryable: false,
  summary: "No such order",
  detail: "There is no order {orderId}, or it is not yours to see.",
  facts: t.Object({ orderId: t.String() }),
});
export const UnknownCustomer = problem("orders/unknown-customer", {
  status: 404,
  retryable: false,
  summary: "The order names a customer that does not exist",
  detail: "There is no customer {customerId}, or it is not yours to order for.",
  facts: t.Object({ customerId: t.String() }),
});
export const RepeatedSku = problem("orders/repeated-sku", {
  status: 422,
  retryable: false,
  summary: "Two lines of an order name the same SKU",
  detail: "{sku} stands in more than one line; add the quantities up.",
  facts: t.Object({ sku: t.String() }),
});

export const UnknownProduct = problem("orders/unknown-product", {
  status: 404,
  retryable: false,
  summary: "The order names a product that does not exist",
  detail: "Nothing is sold under {sku}.",
  facts: t.Object({ sku: t.String() }),
});
export const MixedCurrencies = problem("orders/mixed-currencies", {
  status: 422,
  retryable: false,
  summary: "An order's products are sold in different currencies",
  detail: "The order would have to be paid in {currencies}; place one for each.",
  facts: t.Object({ currencies: t.String() }),
});
export const TotalTooLarge = problem("orders/total-too-large", {
  status: 422,
  retryable: false,
  summary: "An order comes to more than one order may",
  detail: "The order would come to more than {largest}; place several.",
  facts: t.Object({ largest: t.String() }),
});
export const OutOfStock = problem("orders/out-of-stock", {
  status: 409,
  retryable: false,
  summary: "The order cannot be reserved at once, and was not placed",
  detail: "{reason}",
  facts: t.Object({ reason: t.String() }),
});

export const OrderCreated = event("order.created", {
  version: 1,
  key: "orderId",
  summary: "An order was placed",
  data: t.Object({
    orderId,
    customerId,
    owner: t.Optional(t.String({ description: "The signed-in user who placed it; absent for a guest's" })),
    number: t.Integer(),
    lines: t.Array(PricedLine),
    total: Money,
    paymentMethod: PaymentMethod,
  }),
});
export const OrderConfirmed = event("order.confirmed", {
  version: 1,
  key: "orderId",
  summary: "An order is paid and reserved",
  data: t.Object({ orderId, customerId, total: Money }),
});
export const OrderRejected = event("order.rejected", {
  version: 1,
  key: "orderId",
  summary: "An order came to nothing; what was reserved and paid for it is given back",
  data: t.Object({ orderId, customerId, reason: t.String() }),
});

export const PlaceOrder = endpoint("POST /orders", {
  summary: "Place an order",
  access: "anyone",
  idempotent: true,
  body: NewOrder,
  replies: { 201: { body: Order, headers: t.Object({ location: t.String() }) } },
  problems: [UnknownCustomer, UnknownProduct, RepeatedSku, MixedCurrencies, TotalTooLarge, OutOfStock],
});
const byId = { access: "anyone", params: t.Object({ orderId }), problems: [UnknownOrder] } as const;
export const GetOrder = endpoint("GET /orders/{orderId}", {
  summary: "An order",
  ...byId,
  replies: { 200: Order },
});
export const GetOrderHistory = endpoint("GET /orders/{orderId}/history", {
  summary: "Everything that an order was told, and what came of it, oldest first",
  ...byId,
  replies: { 200: t.Object({ items: t.Array(OrderFact) }) },
});
export const GetOrderInvoice = endpoint("GET /orders/{orderId}/invoice", {
  summary: "The invoice of an order, as billing has it",
  ...byId,
  replies: { 200: Invoice },
});
export const ListOrdersOfCustomer = endpoint("GET /orders", {
  summary: "The orders of one customer, newest first",
  access: "service",
  query: t.Object({ ...pageQuery, customerId: t.String({ format: "uuid" }) }),
  replies: { 200: page(Order) },
});
