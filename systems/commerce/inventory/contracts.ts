import { contracts, loggable, noContent, page, pageQuery, t, type Value } from "holdfast/contract";
import { Money, Price } from "../../money.ts";

const { endpoint, event, problem } = contracts("inventory", { exchange: "commerce" });

export const Sku = loggable(
  t.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description: "Stock keeping unit" }),
);
export const Line = t.Object({ sku: Sku, quantity: t.Integer({ minimum: 1, maximum: 1_000 }) });
export interface Line extends Value<typeof Line> {}
export const Lines = t.Array(Line, { minItems: 1, maxItems: 100 });
const orderId = t.String({ format: "uuid" });
const count = (description: string) => t.Integer({ minimum: 0, maximum: 1_000_000_000, description });

const product = {
  name: t.String({ minLength: 1, maxLength: 200 }),
  price: Money,
};
export const StockItem = t.Object({
  sku: Sku,
  ...product,
  quantity: count("On hand, what is reserved included"),
  reserved: count("Promised to orders"),
  available: count("On hand and not promised"),
  threshold: count("Low stock is announced when less than this is available"),
});
export interface StockItem extends Value<typeof StockItem> {}

export const UnknownSku = problem("inventory/unknown-sku", {
  status: 404,
  retryable: false,
  summary: "No such product",
  detail: "Nothing is stocked under {sku}.",
  facts: t.Object({ sku: t.String() }),
});
export const BelowReserved = problem("inventory/below-reserved", {
  status: 409,
  retryable: false,
  summary: "Less would be on hand than is promised to orders",
  detail: "{reserved} of {sku} are promised to orders; the quantity cannot be {quantity}.",
  facts: t.Object({ sku: t.String(), reserved: t.Integer(), quantity: t.Integer() }),
});
export const OutOfStock = problem("inventory/out-of-stock", {
  status: 409,
  retryable: false,
  summary: "An order cannot be reserved as a whole",
  detail: "{reason}",
  facts: t.Object({ orderId: t.String(), reason: t.String() }),
});
export const OtherLines = problem("inventory/other-lines", {
  status: 409,
  retryable: false,
  summary: "The order is reserved with other lines",
  detail: "The reservation of the order {orderId} has other lines than these.",
  facts: t.Object({ orderId: t.String() }),
});
export const Abandoned = problem("inventory/abandoned", {
  status: 409,
  retryable: false,
  summary: "The attempt to place the order was abandoned before",
  detail: "What was asked for the order {orderId} arrived after its attempt had been abandoned; begin another one.",
  facts: t.Object({ orderId: t.String() }),
});
export const UnknownReservation = problem("inventory/unknown-reservation", {
  status: 404,
  retryable: false,
  summary: "No such reservation",
  detail: "Nothing is known of a reservation for the order {orderId}.",
  facts: t.Object({ orderId: t.String() }),
});

export const StockUpdated = event("stock.updated", {
  version: 1,
  key: "sku",
  summary: "A product, its price or its stock has changed",
  data: t.Object({ sku: Sku, ...product, quantity: t.Integer(), available: t.Integer() }),
});
export const LowStock = event("low.stock", {
  version: 1,
  key: "sku",
  summary: "Less is available than the threshold says; once for each crossing",
  data: t.Object({
    sku: Sku,
    name: t.String(),
    available: t.Integer(),
    threshold: t.Integer(),
    crossing: t.Integer({ description: "Counts the crossings of this product" }),
  }),
});
export const StockReserved = event("stock.reserved", {
  version: 1,
  key: "orderId",
  summary: "All lines of an order are reserved",
  data: t.Object({ orderId }),
});
export const StockRejected = event("stock.rejected", {
  version: 1,
  key: "orderId",
  summary: "An order cannot be reserved; nothing of it stays reserved",
  data: t.Object({ orderId, reason: t.String() }),
});

const bySku = { params: t.Object({ sku: Sku }), problems: [UnknownSku] };
export const ListStock = endpoint("GET /stock", {
  summary: "Everything that is stocked, or of some products those that are",
  access: "anyone",
  query: t.Object({
    ...pageQuery,
    sku: t.Optional(t.Array(Sku, { minItems: 1, maxItems: 100, description: "Only these; repeated for each" })),
  }),
  replies: { 200: page(StockItem) },
});
export const GetStock = endpoint("GET /stock/{sku}", {
  summary: "A product and its stock",
  access: "anyone",
  ...bySku,
  replies: { 200: StockItem },
});
export const PutStock = endpoint("PUT /stock/{sku}", {
  summary: "Stock a product, or change it",
  access: "operator",
  params: bySku.params,
  body: t.Object({
    ...product,
    price: Price,
    quantity: StockItem.properties.quantity,
    threshold: t.Optional(StockItem.properties.threshold),
  }),
  replies: { 200: StockItem },
  problems: [BelowReserved],
});

export const Reservation = t.Object({
  orderId,
  state: t.Union([
    t.Literal("reserving"),
    t.Literal("reserved"),
    t.Literal("releasing"),
    t.Literal("rejected"),
    t.Literal("expired"),
    t.Literal("released"),
  ]),
  lines: t.Array(Line),
  reason: t.Optional(t.String({ description: "Why it was rejected" })),
  expiresAt: t.Optional(t.String({ format: "date-time", description: "While no order has taken it over" })),
});
export interface Reservation extends Value<typeof Reservation> {}

const attempt = t.String({
  pattern: "^[A-Za-z0-9_-]{1,64}$",
  description:
    "Names one attempt to place the order: it can be abandoned under that name, and what arrives of it later is refused",
});
export const ReserveStock = endpoint("POST /stock/reserve", {
  summary: "Reserve for an order that is about to be placed",
  description:
    "All lines or none. What no order takes over expires, so that a caller who dies need not give anything back. 202 where it is still undecided when the request must be answered: ask again.",
  access: "service",
  idempotent: true,
  body: t.Object({ orderId, lines: Lines, attempt: t.Optional(attempt) }),
  replies: { 201: Reservation, 202: Reservation },
  problems: [OutOfStock, OtherLines, Abandoned],
});
export const OpenReservation = endpoint("PUT /reservations/{orderId}", {
  summary: "Begin to reserve, and do not wait",
  access: "service",
  params: t.Object({ orderId }),
  body: t.Object({ lines: Lines, attempt: t.Optional(attempt) }),
  replies: { 200: Reservation },
  problems: [OtherLines, Abandoned],
});
export const AbandonReservation = endpoint("DELETE /reservations/{orderId}", {
  summary: "Give back what an attempt to place an order reserved, as the order was not placed",
  description: "What the order itself, or a later attempt, has asked for since stays.",
  access: "service",
  params: t.Object({ orderId }),
  query: t.Object({ attempt }),
  replies: { 204: noContent },
});
export const GetReservation = endpoint("GET /reservations/{orderId}", {
  summary: "The reservation of an order",
  access: "operator",
  params: t.Object({ orderId }),
  replies: { 200: Reservation },
  problems: [UnknownReservation],
});
