import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test, type TestContext } from "node:test";
import { serveHttp } from "holdfast/http";
import { controlledRuntime } from "holdfast/runtime";
import { silentLogger } from "holdfast/telemetry";
import { start, until } from "holdfast/testing";
import { keyRetentionMs } from "../../payment-gateway/port.ts";
import { oddEvents } from "../../payment-gateway/stripe-like-odd.ts";
import { stripeLike, type SignedEvent } from "../../payment-gateway/stripe-like.ts";
import { BillOrder, GetInvoice, OrderPaid } from "./contracts.ts";
import { customers } from "../customers/service.ts";
import { notifications } from "../../notifications/service.ts";
import { billing } from "./service.ts";

const total = { amount: 500, currency: "EUR" };

const start2030 = Date.UTC(2030, 0, 1);

/** Billing beside an imitation of Stripe. Between two attempts there is the longest time that may be. */
async function place(t: TestContext, { secret = true }: { readonly secret?: boolean } = {}) {
  let jumped = 0;
  const chance = controlledRuntime({ now: start2030 });
  const runtime = {
    ...chance,
    random: { ...chance.random, next: () => 0.999 },
    clock: { ...chance.clock, now: () => chance.clock.now() + jumped },
  };
  const like = await stripeLike({ now: () => runtime.clock.now() });
  const system = await start([billing, customers, notifications], {
    runtime,
    env: {
      HOLDFAST_BILLING_GATEWAY: "stripe",
      HOLDFAST_BILLING_STRIPE_KEY: like.key,
      HOLDFAST_BILLING_STRIPE_URL: like.url,
      ...(secret ? { HOLDFAST_BILLING_STRIPE_WEBHOOK_SECRET: like.webhookSecret } : {}),
    },
  });
  const verify = () => Promise.reject(new Error("nobody"));
  const service = system.service("billing");
  const server = await serveHttp({ service, port: 0, verify, runtime, log: silentLogger });
  t.after(async () => {
    await server.close(0);
    await system[Symbol.asyncDispose]();
    await like[Symbol.asyncDispose]();
  });
  const post = async ({ body, signature }: Pick<SignedEvent, "body" | "signature">) => {
    const reply = await fetch(`${server.url}/billing/webhooks/stripe`, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": signature },
      body,
    });
    return [reply.status, /"code":"([^"]*)"/.exec(await reply.text())?.[1]] as const;
  };
  const bill = async (paymentMethod: string) => {
    const orderId = runtime.ids.uuidv7();
    const body = { orderId, customerId: orderId, total, paymentMethod };
    await system.call(BillOrder, { body, as: { kind: "service", name: "orders" } });
    const state = async () => (await system.call(GetInvoice, { params: { orderId } })).body.state;
    return { orderId, state };
  };
  /** Until nobody will ask of its own accord for some seconds. */
  const wait = async () => {
    for (let time = 1; time <= 5; time += 1) {
      await until("Stripe was asked, and the answer looked up", () => like.asked.length >= 2 * time);
      if (time < 5) await runtime.advance(10_000);
    }
  };
  /** Time passes for those who look at the clock, and no timer runs. */
  const jump = (ms: number) => void (jumped += ms);
  return { runtime, like, system, post, bill, wait, jump };
}

test("a payment on its way is settled when Stripe tells of it, not when its next attempt is due", async (t) => {
  const { runtime, like, system, post, bill, wait } = await place(t);
  const invoice = await bill("pm_like_processing");
  await wait();
  const event = like.finish("pi_like1", "succeeded");
  assert.equal(await invoice.state(), "charging");
  assert.deepEqual(await post(event), [204, undefined]);
  await until("it is paid", async () => (await invoice.state()) === "paid");
  const asked = like.asked.length;
  assert.deepEqual(await post(event), [204, undefined], "Stripe may send an event again");
  await until("the attempt that waited has found it settled", async () => {
    await runtime.advance(10_000);
    const { parked, timers } = await system.service("billing").store.depths();
    return parked + timers === 0;
  });
  assert.equal((await system.published(OrderPaid)).length, 1);
  assert.equal(like.asked.length, asked, "nobody asks again");
});

test("what Stripe tells of days later is settled, too, without a second charge", async (t) => {
  const { like, post, bill, wait, jump } = await place(t);
  const invoice = await bill("pm_like_processing");
  await wait();
  jump(5 * keyRetentionMs);
  assert.deepEqual(await post(like.finish("pi_like1", "succeeded")), [204, undefined]);
  await until("it is paid", async () => (await invoice.state()) === "paid");
  assert.ok(like.asked.includes("GET /v1/payment_intents/search"), "its key is forgotten");
  assert.equal(like.book.intents.size, 1);
});

test("what Stripe did not sign, or long ago, or of nobody's payment here: nothing follows", async (t) => {
  const { runtime, like, post, bill, wait } = await place(t);
  const invoice = await bill("pm_like_processing");
  await wait();
  const asked = like.asked.length;
  const { body, signature } = like.finish("pi_like1", "succeeded");
  const [time = "", mac = ""] = signature.split(",");
  const signedAt = (seconds: string) =>
    `v1=${createHmac("sha256", like.webhookSecret).update(`${seconds}.${body}`).digest("hex")}`;
  const now = String(Math.floor(runtime.clock.now() / 1_000));
  for (const forged of [
    { body: body.replaceAll(" ", ""), signature },
    { body, signature: mac },
    { body, signature: "nonsense" },
    { body, signature: `${time},v1=${"0".repeat(64)}` },
    { body, signature: `${time},${mac.replace("v1", "v0")}` },
    { body, signature: like.sign(body, runtime.clock.now() - 302_000) },
    { body, signature: like.sign(body, runtime.clock.now() + 302_000) },
    { body, signature: like.sign(body, runtime.clock.now() + 10 * 365 * 86_400_000) },
    // Stripe's SDK reads these as NaN, as the time before the letters, and as the last of two.
    { body, signature: `t=abc,${signedAt("NaN")}` },
    { body, signature: `t=,${signedAt("NaN")}` },
    { body, signature: `t=${now}abc,${signedAt(now)}` },
    { body, signature: `t=1,t=${now},${signedAt(now)}` },
    { body, signature: `t=${now},${signedAt(now)},t=${now}` },
    { body: "{", signature: like.sign("{") },
  ])
    assert.deepEqual(await post(forged), [400, "billing/webhook-refused"], forged.signature);
  for (const other of [
    body.replace("charge-", "course-"),
    body.replace(invoice.orderId, runtime.ids.uuidv7()),
    body.replace('"payment_intent.succeeded"', '"payment_intent.processing"'),
    body.replace('"metadata"', '"data"'),
    "null",
    "[]",
  ]) {
    assert.notEqual(other, body);
    assert.deepEqual(await post({ body: other, signature: like.sign(other) }), [204, undefined], other);
  }
  assert.equal(like.asked.length, asked);
  assert.equal(await invoice.state(), "charging");
  assert.deepEqual(await post({ body, signature: like.sign(body, runtime.clock.now() + 290_000) }), [204, undefined]);
  assert.deepEqual(await post({ body, signature: like.sign(body, runtime.clock.now() - 290_000) }), [204, undefined]);
  await until("it is paid", async () => (await invoice.state()) === "paid");
});

test("what Stripe signed and no store can hold, or with a type that is no text, is ignored", async (t) => {
  const { like, post } = await place(t);
  for (const body of oddEvents)
    assert.deepEqual(await post({ body, signature: like.sign(body) }), [204, undefined], body);
});

test("without a secret nobody can tell anything", async (t) => {
  const { like, post } = await place(t, { secret: false });
  assert.deepEqual(await post({ body: "{}", signature: like.sign("{}") }), [404, "kit/not-found"]);
});
