import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import path from "node:path";
import { test } from "node:test";
import { isProblem } from "holdfast/contract";
import { asService, operator, start, until, user, type TestSystem } from "holdfast/testing";
import { gatewayFile } from "../../payment-gateway/index.ts";
import { ledger } from "../../payment-gateway/ledger.ts";
import { oddEvents } from "../../payment-gateway/stripe-like-odd.ts";
import { stripeLike } from "../../payment-gateway/stripe-like.ts";
import {
  GetPayment,
  GetPaymentEvents,
  GetPaymentRebuild,
  ListPayments,
  RebuildPayments,
  RegistrationPaid,
  RegistrationPaymentFailed,
  RegistrationRefunded,
  RegistrationVoided,
  StripeWebhook,
} from "./contracts.ts";
import { paymentIdOf } from "./payment-store.ts";
import { payments } from "./service.ts";

const as = operator();
const total = { amount: 4_900, currency: "EUR" };
const subjectOf = (registrationId: string) => ({ registrationId, userId: "1", courseId: "10" });
const created = (registrationId: string, paymentMethod: string, more: object = {}) => ({
  type: "registration.created",
  key: registrationId,
  correlationId: "the request",
  data: JSON.stringify({
    ...subjectOf(registrationId),
    email: "test@example.com",
    total,
    paymentMethod,
    ...more,
  }),
});
const told = (type: string, registrationId: string, more: object = {}) => ({
  type,
  key: registrationId,
  data: JSON.stringify({ ...subjectOf(registrationId), ...more }),
});
const look = async (school: TestSystem, registrationId: string) =>
  (await school.call(GetPayment, { params: { paymentId: paymentIdOf(registrationId) } })).body;
const events = async (school: TestSystem, registrationId: string) =>
  (await school.call(GetPaymentEvents, { params: { paymentId: paymentIdOf(registrationId) }, query: {}, as })).body
    .items;
const factsOf = async (school: TestSystem, registrationId: string) =>
  (await events(school, registrationId)).map(({ event }) => event);
const book = ({ data }: TestSystem) =>
  existsSync(gatewayFile(data))
    ? ledger(gatewayFile(data)).map(({ charged, refunded }) => ({ charged, refunded }))
    : [];
/** Hears a message, and does all that follows now. */
const hear = async (school: TestSystem, message: ReturnType<typeof created | typeof told>) => {
  const id = await school.inject(message);
  await school.settled();
  return id;
};

void test("what is paid is given back on the word of courses, and its history tells why", async () => {
  await using school = await start(payments);
  const id = school.runtime.ids.uuidv7();
  const cause = await hear(school, created(id, "card_ok"));
  await hear(school, created(id, "card_ok")); // Of another id: the same wish, heard again.
  assert.equal((await look(school, id)).state, "paid");
  assert.deepEqual(book(school), [{ charged: 4_900, refunded: 0 }]);
  const undoing = await hear(school, told("registration.refused", id, { reason: "the course is full" }));
  await hear(school, told("registration.released", id));
  const { state, reason } = await look(school, id);
  assert.deepEqual({ state, reason }, { state: "refunded", reason: "the course is full" });
  assert.deepEqual(book(school), [{ charged: 4_900, refunded: 4_900 }]);
  const paid = { ...subjectOf(id), email: "test@example.com", total };
  assert.deepEqual(await school.published(RegistrationPaid), [{ ...paid, paymentId: paymentIdOf(id) }]);
  assert.deepEqual(await school.published(RegistrationRefunded), [paid]);
  const history = await events(school, id);
  assert.deepEqual(
    history.map(({ event }) => event),
    ["asked", "charged", "refund-wanted", "refunded"],
  );
  assert.deepEqual([history[0]?.causationId, history[2]?.causationId], [cause, undoing]);
  assert.deepEqual([history[0]?.correlationId, history[1]?.correlationId], ["the request", "the request"]);
});

void test("a gateway that does not answer in time: the payment fails, and what it charged all the same is given back", async () => {
  await using school = await start(payments, { env: { HOLDFAST_PAYMENTS_PATIENCE_MS: "0" } });
  const id = school.runtime.ids.uuidv7();
  await school.inject(created(id, "card_down"));
  await until("it is given back", async () => {
    await school.runtime.advance(1_000);
    return (await school.published(RegistrationRefunded)).length === 1;
  });
  await school.settled();
  const reason = "the payment gateway gave no answer";
  assert.deepEqual(await school.published(RegistrationPaymentFailed), [{ ...subjectOf(id), reason }]);
  assert.deepEqual(await factsOf(school, id), ["asked", "given-up", "charged", "refund-wanted", "refunded"]);
  assert.deepEqual(book(school), [{ charged: 4_900, refunded: 4_900 }]);
  assert.deepEqual(await school.published(RegistrationPaid), []);
});

void test("given up, and declined in the end: nothing was charged, and that is said", async () => {
  await using school = await start(payments, { env: { HOLDFAST_PAYMENTS_PATIENCE_MS: "0" } });
  const id = school.runtime.ids.uuidv7();
  await hear(school, created(id, "card_declined_answer_lost"));
  assert.deepEqual(await factsOf(school, id), ["asked", "given-up", "declined", "voided"]);
  assert.equal((await look(school, id)).state, "void");
  assert.equal((await school.published(RegistrationPaymentFailed)).length, 1);
  assert.deepEqual(await school.published(RegistrationVoided), [subjectOf(id)]);
});

void test("a gateway that answers while there is patience is asked until it does", async () => {
  await using school = await start(payments);
  const id = school.runtime.ids.uuidv7();
  await school.inject(created(id, "card_down"));
  await until("it is paid", async () => {
    await school.runtime.advance(1_000);
    return (await school.published(RegistrationPaid)).length === 1;
  });
  assert.deepEqual(await factsOf(school, id), ["asked", "charged"]);
  await school.settled();
});

void test("a payment on its way at Stripe is settled when Stripe tells of it, once, and not when its next attempt is due", async (t) => {
  const like = await stripeLike({ now: () => Date.UTC(2030, 0, 1) });
  t.after(() => like[Symbol.asyncDispose]());
  await using school = await start(payments, {
    env: {
      HOLDFAST_PAYMENTS_GATEWAY: "stripe",
      HOLDFAST_PAYMENTS_STRIPE_KEY: like.key,
      HOLDFAST_PAYMENTS_STRIPE_URL: like.url,
      HOLDFAST_PAYMENTS_STRIPE_WEBHOOK_SECRET: like.webhookSecret,
    },
  });
  const id = school.runtime.ids.uuidv7();
  await school.inject(created(id, "pm_like_processing"));
  await until("Stripe was asked, and the answer looked up", () => like.asked.length >= 2);
  const { body, signature } = like.finish("pi_like1", "succeeded");
  const hears = (signed: string) =>
    school.call(StripeWebhook, { body: Buffer.from(body), headers: { "stripe-signature": signed } });
  await assert.rejects(hears("t=1,v1=00"), (error) => isProblem(error, "payments/webhook-refused"));
  await hears(signature);
  await until("it is paid", async () => (await look(school, id)).state === "paid");
  const asked = like.asked.length;
  await hears(signature);
  await school.settled();
  assert.equal(like.asked.length, asked, "nobody asks again");
  assert.deepEqual(await factsOf(school, id), ["asked", "charged"]);
  assert.equal(like.book.intents.size, 1);
});

void test("what Stripe signed and no store can hold, or with a type that is no text, is ignored", async (t) => {
  const like = await stripeLike({ now: () => Date.UTC(2030, 0, 1) });
  t.after(() => like[Symbol.asyncDispose]());
  await using school = await start(payments, {
    env: {
      HOLDFAST_PAYMENTS_GATEWAY: "stripe",
      HOLDFAST_PAYMENTS_STRIPE_KEY: like.key,
      HOLDFAST_PAYMENTS_STRIPE_URL: like.url,
      HOLDFAST_PAYMENTS_STRIPE_WEBHOOK_SECRET: like.webhookSecret,
    },
  });
  for (const body of oddEvents) {
    const headers = { "stripe-signature": like.sign(body) };
    assert.equal((await school.call(StripeWebhook, { body: Buffer.from(body), headers })).status, 204, body);
  }
});

void test("registration.released before registration.created: nothing is ever charged, and that is said once", async () => {
  await using school = await start(payments);
  const id = school.runtime.ids.uuidv7();
  await hear(school, told("registration.released", id));
  const unknown = (error: unknown) => isProblem(error, "payments/unknown-payment");
  await assert.rejects(look(school, id), unknown, "nobody knows yet whose it is, and what it comes to");
  assert.deepEqual(await factsOf(school, id), ["voided"]);
  await hear(school, created(id, "card_ok"));
  const { state, reason } = await look(school, id);
  assert.deepEqual({ state, reason }, { state: "void", reason: "the registration was cancelled" });
  assert.deepEqual(await factsOf(school, id), ["voided", "asked"]);
  assert.deepEqual(book(school), []);
  assert.deepEqual(await school.published(RegistrationVoided), [subjectOf(id)]);
});

void test("a payment is its owner's to see, and operators'; its history and the list are operators' alone", async () => {
  await using school = await start(payments);
  const [mine, guests] = [school.runtime.ids.uuidv7(), school.runtime.ids.uuidv7()];
  await hear(school, created(mine, "card_ok", { owner: "ada" }));
  await hear(school, created(guests, "card_declined"));
  const params = { paymentId: paymentIdOf(mine) };
  for (const who of [user("ada"), as, asService("registrations")])
    assert.equal((await school.call(GetPayment, { params, as: who })).body.state, "paid");
  for (const who of [{}, { as: user("bob") }])
    await assert.rejects(school.call(GetPayment, { params, ...who }), { code: "payments/unknown-payment" });
  assert.equal((await look(school, guests)).state, "failed");
  const forbidden = { code: "kit/forbidden" };
  await assert.rejects(school.call(GetPaymentEvents, { params, query: {}, as: user("ada") }), forbidden);
  await assert.rejects(school.call(ListPayments, { query: {}, as: user("ada") }), forbidden);
  const unknown = { paymentId: paymentIdOf("nothing") };
  await assert.rejects(school.call(GetPaymentEvents, { params: unknown, query: {}, as }), { status: 404 });
  const list = async (query: { limit?: number; cursor?: string; registrationId?: string }) =>
    (await school.call(ListPayments, { query, as })).body;
  assert.deepEqual(
    (await list({ registrationId: mine })).items.map(({ state }) => state),
    ["paid"],
  );
  const first = await list({ limit: 1 });
  const second = await list({ limit: 1, ...(first.next === undefined ? {} : { cursor: first.next }) });
  assert.deepEqual(
    new Set([...first.items, ...second.items].map(({ registrationId }) => registrationId)),
    new Set([mine, guests]),
  );
});

void test("a rebuild tells what is shown otherwise than it happened, and mends it", async () => {
  await using school = await start(payments);
  const ids = Array.from({ length: 3 }, () => school.runtime.ids.uuidv7());
  for (const id of ids) await hear(school, created(id, "card_ok"));
  const db = new DatabaseSync(path.join(school.data, "payments.db"), { timeout: 5_000 });
  db.prepare(`UPDATE payments SET state = 'refunded' WHERE "registrationId" = ?`).run(ids[1] ?? "");
  db.close();
  const rebuild = async () => {
    const { run } = (await school.call(RebuildPayments, { as })).body;
    const last = async () => (await school.call(GetPaymentRebuild, { as })).body.last;
    await until("the rebuild is done", async () => (await last())?.state === "done");
    const report = await last();
    assert.equal(report?.run, run);
    return { seen: report.seen, differed: report.differed };
  };
  assert.equal((await look(school, ids[1] ?? "")).state, "refunded");
  assert.deepEqual(await rebuild(), { seen: 3, differed: 1 });
  assert.equal((await look(school, ids[1] ?? "")).state, "paid");
  assert.deepEqual(await rebuild(), { seen: 3, differed: 0 });
});
