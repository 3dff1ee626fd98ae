import { contracts, page, pageQuery, t, type Value } from "holdfast/contract";

const { endpoint, event, problem } = contracts("orders");

const Sku = t.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description: "Stock keeping unit" });
export const Line = t.Object({ sku: Sku, quantity: t.Integer({ minimum: 1, maximum: 1_000 }) });
const lines = t.Array(Line, { minItems: 1, maxItems: 100 });

export const NewOrder = t.Object({ customerId: t.String({ format: "uuid" }), lines });
export const Order = t.Object({
  orderId: t.String({ format: "uuid" }),
  customerId: t.String({ format: "uuid" }),
  number: t.Integer({ minimum: 1, description: "1 for the customer's first order, without gaps" }),
  status: t.Union([t.Literal("pending"), t.Literal("confirmed"), t.Literal("rejected")]),
  lines,
  createdAt: t.String({ format: "date-time" }),
});
export interface Order extends Value<typeof Order> {}

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

export const OrderCreated = event("order.created", {
  version: 1,
  key: "orderId",
  summary: "An order was placed",
  data: t.Object({
    orderId: t.String({ format: "uuid" }),
    customerId: t.String({ format: "uuid" }),
    number: t.Integer(),
    lines: t.Array(Line),
  }),
});

export const PlaceOrder = endpoint("POST /orders", {
  summary: "Place an order",
  access: "anyone",
  idempotent: true,
  body: NewOrder,
  replies: { 201: { body: Order, headers: t.Object({ location: t.String() }) } },
  problems: [UnknownCustomer, RepeatedSku],
});
export const GetOrder = endpoint("GET /orders/{orderId}", {
  summary: "An order",
  access: "anyone",
  params: t.Object({ orderId: t.String({ format: "uuid" }) }),
  replies: { 200: Order },
  problems: [UnknownOrder],
});
export const ListOrdersOfCustomer = endpoint("GET /orders", {
  summary: "The orders of one customer, newest first",
  access: "service",
  query: t.Object({ ...pageQuery, customerId: t.String({ format: "uuid" }) }),
  replies: { 200: page(Order) },
});
