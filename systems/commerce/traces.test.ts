import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace";
import assert from "node:assert/strict";
import { test } from "node:test";
import { controlledRuntime } from "holdfast/runtime";
import { openTelemetry } from "holdfast/telemetry";
import { operator, start, until } from "holdfast/testing";
import { CreateCustomer } from "./customers/contracts.ts";
import { PutStock } from "./inventory/contracts.ts";
import { GetOrder, PlaceOrder } from "./orders/contracts.ts";
import { commerce } from "./services.ts";

const serviceOf = (span: ReadableSpan) => String(span.resource.attributes["service.name"]);
const named = (span: ReadableSpan) => `${serviceOf(span)}: ${span.name}`;

test("everything that an order sets in motion is one trace, and tells nobody's name, address or card", async () => {
  const exporter = new InMemorySpanExporter();
  const runtime = controlledRuntime();
  const tracing = await openTelemetry({ processor: new SimpleSpanProcessor({ exporter }), runtime });
  await using shop = await start(commerce, { runtime, tracing });
  const price = { amount: 250, currency: "EUR" };
  const apple = { name: "Boskoop", price, quantity: 10, threshold: 0 };
  await shop.call(PutStock, { params: { sku: "apple" }, body: apple, as: operator() });
  const ada = { name: "Ada Lovelace", email: "ada@example.com" };
  const { customerId } = (await shop.call(CreateCustomer, { body: ada })).body;
  await shop.settled();
  exporter.reset();
  const lines = [{ sku: "apple", quantity: 1 }];
  const order = { customerId, lines, paymentMethod: "card_ok", reservation: "immediate" as const };
  const { orderId } = (await shop.call(PlaceOrder, { body: order, idempotencyKey: "a-key-of-hers" })).body;
  const status = async () => (await shop.call(GetOrder, { params: { orderId } })).body.status;
  await until("the order is confirmed", async () => (await status()) === "confirmed");
  await shop.settled();

  const all = exporter.getFinishedSpans();
  const root = all.find(({ name }) => name === PlaceOrder.route);
  assert.ok(root !== undefined && root.parentSpanContext === undefined);
  const spans = all.filter((span) => span.spanContext().traceId === root.spanContext().traceId);
  const ids = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  /** From the request down to a span; each stands below another of the same trace. */
  const way = (span: ReadableSpan): readonly string[] => {
    if (span.parentSpanContext === undefined) return [named(span)];
    const parent = ids.get(span.parentSpanContext.spanId);
    assert.ok(parent !== undefined, `${named(span)} has lost its parent`);
    return [...way(parent), named(span)];
  };
  const ways = spans.map((span) => way(span).join(" > "));
  const services = [...new Set(spans.map(serviceOf))].toSorted();
  assert.deepEqual(services, ["billing", "customers", "inventory", "notifications", "orders"]);
  const reserving = [
    "orders: POST /orders",
    "orders: prepare",
    "orders: POST /stock/reserve",
    "inventory: POST /stock/reserve",
    "inventory: prepare",
    "inventory: PUT /reservations/{orderId}",
    "inventory: PUT /reservations/{orderId}",
    "inventory: run",
    "inventory: create inventory/job:reserve-part",
  ];
  const created = ["orders: POST /orders", "orders: run", "orders: create order.created"];
  const paying = [
    ...created,
    "billing: process order.created",
    "billing: create billing/job:charge-invoice",
    "billing: process billing/job:charge-invoice",
    "billing: create order.paid",
    "orders: process order.paid",
  ];
  const reserved = [
    ...created,
    "inventory: process order.created",
    "inventory: create stock.reserved",
    "orders: process stock.reserved",
  ];
  const confirming = [
    "orders: create order.confirmed",
    "notifications: process order.confirmed",
    "notifications: create notifications/job:deliver",
    "notifications: process notifications/job:deliver",
  ];
  const wayOf = (steps: readonly string[]) => steps.join(" > ");
  for (const steps of [reserving, paying, reserved].map(wayOf))
    assert.ok(ways.includes(steps), `${steps} is not among\n${ways.join("\n")}`);
  // Whichever of the two is heard last confirms the order.
  const confirmed = [paying, reserved].filter((steps) => ways.includes(wayOf([...steps, ...confirming])));
  assert.equal(confirmed.length, 1, ways.join("\n"));
  for (const span of all)
    for (const { context } of span.links) assert.ok(span.parentSpanContext?.spanId === context.spanId);

  const told = JSON.stringify(
    all.map(({ name, attributes, events, links, status: { message }, resource }) => ({
      name,
      attributes,
      events,
      links,
      message,
      resource: resource.attributes,
    })),
  );
  for (const secret of ["Ada", "ada@example.com", "card_ok", "Boskoop", "a-key-of-hers", customerId])
    assert.ok(!told.includes(secret), `${secret} stands in a span`);
});
