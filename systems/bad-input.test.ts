import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { test } from "node:test";
import type { Caller } from "holdfast/contract";
import { serveHttp } from "holdfast/http";
import { silentLogger } from "holdfast/telemetry";
import { badInputs, checkBadInputs, goodInput, operator, sendRaw, start, until, type Sample } from "holdfast/testing";
import { CreateCustomer } from "./commerce/customers/contracts.ts";
import { notificationId } from "./notifications/notification.ts";
import { PutStock } from "./commerce/inventory/contracts.ts";
import { PlaceOrder } from "./commerce/orders/contracts.ts";
import { PutCourse } from "./education/courses/contracts.ts";
import { paymentIdOf } from "./education/payments/payment-store.ts";
import { Register } from "./education/registrations/contracts.ts";
import { services } from "./systems.ts";

const callers: Readonly<Record<string, Caller>> = {
  operator: { kind: "user", id: "ops", roles: ["operator"] },
  service: { kind: "service", name: "customers" },
};

test("every endpoint refuses everything that is wrong with a request, names it, and changes nothing", async () => {
  const secret = "whsec_like";
  await using shop = await start(services, {
    env: { HOLDFAST_BILLING_STRIPE_WEBHOOK_SECRET: secret, HOLDFAST_PAYMENTS_STRIPE_WEBHOOK_SECRET: secret },
  });
  const event = Buffer.from('{"type":"payment_intent.created"}');
  const time = String(Math.floor(shop.runtime.clock.now() / 1_000));
  const signature = createHmac("sha256", secret).update(`${time}.`).update(event).digest("hex");
  const { body: customer } = await shop.call(CreateCustomer, { body: { name: "Ada", email: "ada@example.com" } });
  await shop.settled();
  // A message that nobody understands, for each service that hears any: their dead letters are endpoints, too.
  for (const type of ["customer.created", "order.created", "low.stock", "registration.paid", "registration.released"])
    await shop.inject({ type, key: "odd", version: 99, data: "{}" });
  const letterOf = async (name: string) => (await shop.service(name).store.deadLetters({ limit: 1 }))[0]?.id;
  const withLetters = ["orders", "inventory", "billing", "notifications", "registrations", "payments", "courses"];
  const letters: Record<string, string> = {};
  for (const name of withLetters) {
    await until(`${name} has a dead letter`, async () => (await letterOf(name)) !== undefined);
    letters[name] = (await letterOf(name)) ?? "";
  }
  const { customerId } = customer;
  const lines = [{ sku: "apple", quantity: 1 }];
  const price = { amount: 250, currency: "EUR" };
  const apple = { name: "Apple", price, quantity: 1_000_000, threshold: 10 };
  await shop.call(PutStock, { params: { sku: "apple" }, body: apple, as: operator() });
  const { body: order } = await shop.call(PlaceOrder, { body: { customerId, lines, paymentMethod: "card_ok" } });
  const { orderId } = order;
  const course = { title: "Baking", price, seats: 1_000 };
  await shop.call(PutCourse, { params: { courseId: "10" }, body: course, as: operator() });
  const query = { user_id: "1", user_email: "test@example.com", course_id: "10" };
  const { registrationId } = (await shop.call(Register, { query })).body;
  const other = (await shop.call(Register, { query: { ...query, user_id: "3" } })).body;
  await shop.settled();
  const paymentId = paymentIdOf(registrationId);
  const samples: Record<string, Sample> = {
    "POST /customers": { body: { name: "Bob", email: "bob@example.com" } },
    "GET /customers/{customerId}": { params: { customerId } },
    "GET /customers/{customerId}/orders": { params: { customerId } },
    "GET /customers/{customerId}/owner": { params: { customerId }, token: "service" },
    "POST /orders": { body: { customerId, lines, paymentMethod: "card_ok", reservation: "later" } },
    "GET /orders/{orderId}": { params: { orderId } },
    "GET /orders/{orderId}/history": { params: { orderId } },
    "GET /orders/{orderId}/invoice": { params: { orderId } },
    "GET /orders": { query: `customerId=${customerId}`, token: "service" },
    "GET /stock": {},
    "GET /stock/{sku}": { params: { sku: "apple" } },
    "PUT /stock/{sku}": { params: { sku: "pear" }, body: { ...apple, name: "Pear" }, token: "operator" },
    "POST /stock/reserve": { body: { orderId: shop.runtime.ids.uuidv7(), lines }, token: "service" },
    "PUT /reservations/{orderId}": {
      params: { orderId: shop.runtime.ids.uuidv7() },
      body: { lines },
      token: "service",
    },
    "DELETE /reservations/{orderId}": {
      params: { orderId: shop.runtime.ids.uuidv7() },
      query: "attempt=one",
      token: "service",
    },
    "GET /reservations/{orderId}": { params: { orderId }, token: "operator" },
    "POST /billing": {
      body: { orderId: shop.runtime.ids.uuidv7(), customerId, owner: "ada", total: price, paymentMethod: "card_ok" },
      token: "service",
    },
    "GET /billing/{orderId}": { params: { orderId } },
    "POST /billing/webhooks/stripe": { body: event, headers: { "stripe-signature": `t=${time},v1=${signature}` } },
    "POST /payments/webhooks/stripe": { body: event, headers: { "stripe-signature": `t=${time},v1=${signature}` } },
    "POST /notify": {
      body: { kind: "low-stock", about: "pear 1", to: { role: "operator" }, facts: { name: "Pear" } },
      token: "service",
    },
    "GET /notifications": {},
    "GET /notifications/{notificationId}": {
      params: { notificationId: notificationId({ kind: "order-paid", about: orderId }) },
      token: "operator",
    },
    "GET /notifications/preferences/{userId}": { params: { userId: customerId }, token: "operator" },
    "PUT /notifications/preferences/{userId}": {
      params: { userId: customerId },
      body: { email: true, muted: ["order-paid"] },
      token: "operator",
    },
    "POST /register": { query: "user_id=2&user_email=test%40example.com&course_id=10&payment_method=card_ok" },
    "GET /registrations/{registrationId}": { params: { registrationId } },
    "GET /registrations/{registrationId}/history": { params: { registrationId } },
    "POST /registrations/{registrationId}/cancel": { params: { registrationId: other.registrationId } },
    "GET /payments/{paymentId}": { params: { paymentId } },
    "GET /payments/{paymentId}/events": { params: { paymentId }, token: "operator" },
    "GET /payments": { token: "operator" },
    "POST /payment-rebuilds": { token: "operator" },
    "GET /payment-rebuilds/last": { token: "operator" },
    "GET /courses": {},
    "GET /courses/{courseId}": { params: { courseId: "10" } },
    "PUT /courses/{courseId}": { params: { courseId: "20" }, body: course, token: "operator" },
    "GET /courses/{courseId}/access/{userId}": { params: { courseId: "10", userId: `guest:${registrationId}` } },
    "GET /dead-letters/customers": { token: "operator" },
    ...Object.fromEntries(
      Object.entries(letters).flatMap(([name, id]): [string, Sample][] => {
        const [base, params, token] = [`/dead-letters/${name}`, { id }, "operator"];
        return [
          [`GET ${base}`, { token }],
          [`GET ${base}/{id}`, { params, token }],
          [`POST ${base}/{id}/redrive`, { params, body: { note: "mended" }, token }],
          [`POST ${base}/{id}/discard`, { params, body: { note: "given up" }, token }],
        ];
      }),
    ),
  };
  // Customers hears of nothing: it has no dead letter that these could accept.
  const without = ["GET", "POST"].map((method) => `${method} /dead-letters/customers/{id}`);
  let cases = 0;
  using tables = openTables(shop.data);
  for (const service of shop.system.services) {
    const { runtime } = shop;
    const verify = (token: string) => {
      const caller = callers[token];
      return caller === undefined ? Promise.reject(new Error("unknown token")) : Promise.resolve(caller);
    };
    const server = await serveHttp({ service, port: 0, verify, runtime, log: silentLogger });
    try {
      for (const endpoint of service.endpoints) {
        if (without.some((route) => endpoint.route.startsWith(route))) continue;
        const sample = samples[endpoint.route];
        assert.ok(sample !== undefined, `${endpoint.route} has no sample of a request that it accepts`);
        const accepted = await sendRaw(server.url, goodInput(endpoint, sample));
        assert.ok(
          accepted.status < 300,
          `${endpoint.route} refused the sample: ${String(accepted.status)} ${accepted.text}`,
        );
        await shop.settled();
        const before = tables.rows();
        const bad = badInputs(endpoint, sample);
        cases += bad.length;
        assert.deepEqual(await checkBadInputs(server.url, bad), []);
        assert.deepEqual(tables.rows(), before, `${endpoint.route} changed something`);
      }
    } finally {
      await server.close(1_000);
    }
  }
  assert.ok(cases > 200, `${String(cases)} cases`);
});

/** The number of rows of every table that a request could change. Files are opened once: there is a look before and after each endpoint. */
function openTables(data: string) {
  const files = new Map<string, { readonly db: DatabaseSync; readonly counts: StatementSync }>();
  const open = (file: string) => {
    const db = new DatabaseSync(path.join(data, file), { readOnly: true, timeout: 2_000 });
    const tables = db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name))
      .filter((name) => name !== "holdfast_leases" && name !== "positions");
    // A table that is made later shows by their number.
    const counted = ["sqlite_schema", ...tables].map((name) => `(SELECT count(*) FROM "${name}") AS "${name}"`);
    return { db, counts: db.prepare(`SELECT ${counted.join(", ")}`) };
  };
  return {
    rows(): Readonly<Record<string, unknown>> {
      for (const file of readdirSync(data).filter((name) => name.endsWith(".db")))
        if (!files.has(file)) files.set(file, open(file));
      return Object.fromEntries([...files].map(([file, { counts }]) => [file, counts.get()]));
    },
    [Symbol.dispose]() {
      for (const { db } of files.values()) db.close();
    },
  };
}
