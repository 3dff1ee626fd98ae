import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import { inspect } from "node:util";
import { ConfigError, loadConfig } from "holdfast/runtime";
import { until } from "holdfast/testing";
import { gatewayFaults, gatewaySettings } from "./index.ts";
import { chargeRequest, gatewayConformance, never } from "./port.conformance.ts";
import { GatewayRefused, GatewayUnavailable, keyRetentionMs, type PaymentGateway } from "./port.ts";
import { stripeLike, type StripeLike, type StripeLikeOptions } from "./stripe-like.ts";
import { stripeGateway } from "./stripe.ts";

/** What Stripe, or the imitation, calls the methods of the suite. */
const methods = new Map([
  ["card_ok", "pm_card_visa"],
  ["card_declined", "pm_card_chargeDeclined"],
  ["card_down", "pm_like_down"],
  ["card_answer_lost", "pm_like_answerLost"],
]);
const renamed = (gateway: PaymentGateway): PaymentGateway => ({
  ...gateway,
  charge: (request, signal) =>
    gateway.charge({ ...request, method: methods.get(request.method) ?? request.method }, signal),
});
const request = (method: string, more: object = {}) => chargeRequest({ method, ...more });

async function stripe(
  t: TestContext,
  options: StripeLikeOptions = {},
): Promise<{ readonly like: StripeLike; readonly gateway: PaymentGateway }> {
  const like = await stripeLike(options);
  t.after(() => like[Symbol.asyncDispose]());
  return { like, gateway: stripeGateway(like) };
}

gatewayConformance("Stripe", async (t) => {
  const { like } = await stripe(t);
  return { open: () => Promise.resolve(renamed(stripeGateway(like))), ledger: () => like.book.ledger() };
});

test("Stripe: what a card is declined for is told in words that stay the same", async (t) => {
  const { gateway } = await stripe(t);
  for (const [method, reason] of [
    ["pm_card_chargeDeclined", "the card was declined"],
    ["pm_card_chargeDeclinedInsufficientFunds", "the card has insufficient funds"],
    ["pm_card_authenticationRequired", "the bank wants the customer to confirm the payment"],
    ["pm_nobody_knows", "the gateway does not know the payment method"],
  ] as const)
    assert.deepEqual(await gateway.charge(request(method, { key: method }), never), { kind: "declined", reason });
});

test("Stripe: a payment on its way is no answer, and is looked up, as its key repeats the first one", async (t) => {
  for (const [becomes, kind] of [
    ["succeeded", "charged"],
    ["requires_payment_method", "declined"],
  ] as const) {
    const { like, gateway } = await stripe(t);
    await assert.rejects(gateway.charge(request("pm_like_processing"), never), GatewayUnavailable);
    await assert.rejects(gateway.charge(request("pm_like_processing"), never), GatewayUnavailable);
    like.finish("pi_like1", becomes);
    const first = await gateway.charge(request("pm_like_processing"), never);
    assert.equal(first.kind, kind);
    assert.deepEqual(await gateway.charge(request("pm_like_processing"), never), first);
    assert.equal(like.book.intents.size, 1);
  }
});

test("Stripe: what waits for the customer is declined, and can never be charged later", async (t) => {
  const { like, gateway } = await stripe(t);
  const declined = await gateway.charge(request("pm_like_requiresAction"), never);
  assert.deepEqual(declined, { kind: "declined", reason: "the bank wants the customer to confirm the payment" });
  assert.equal(like.book.intents.get("pi_like1")?.status, "canceled");
  assert.deepEqual(await gateway.charge(request("pm_like_requiresAction"), never), declined);
});

test("Stripe: one that the customer confirmed before it could be canceled is charged", async (t) => {
  const { like, gateway } = await stripe(t);
  const cancel = like.book.cancel.bind(like.book);
  like.book.cancel = (id, form) => {
    like.finish(id, "succeeded");
    return cancel(id, form);
  };
  assert.deepEqual(await gateway.charge(request("pm_like_requiresAction"), never), {
    kind: "charged",
    chargeId: "pi_like1",
  });
});

test("Stripe: while a key is in work there is no answer, and who stops waiting is told so at once", async (t) => {
  const { like, gateway } = await stripe(t);
  const impatient = new AbortController();
  const gone = gateway.charge(request("pm_like_silent"), impatient.signal);
  await until("it was asked", () => like.asked.length === 1);
  await assert.rejects(gateway.charge(request("pm_like_silent"), never), GatewayUnavailable);
  impatient.abort();
  await assert.rejects(gone, GatewayUnavailable);
  like.speak();
  await until("it is charged", () => like.book.ledger().length === 1);
  assert.equal((await gateway.charge(request("pm_like_silent"), never)).kind, "charged");
  assert.equal(like.book.ledger().length, 1);
});

test("Stripe: a request goes out once for each time that it is asked, also where the connection is lost", async (t) => {
  const { like, gateway } = await stripe(t);
  await assert.rejects(gateway.charge(request("pm_like_answerLost"), never), GatewayUnavailable);
  await assert.rejects(gateway.charge(request("pm_like_down", { key: "k2" }), never), GatewayUnavailable);
  assert.deepEqual(like.asked, ["POST /v1/payment_intents", "POST /v1/payment_intents"]);
});

test("Stripe: a refund is not repeated when Stripe has forgotten its key, and one that failed is for a person", async (t) => {
  let now = 1_800_000_000_000;
  const { like, gateway } = await stripe(t, { now: () => now });
  const charged = await gateway.charge(request("pm_card_visa"), never);
  assert.ok(charged.kind === "charged");
  const refund = { key: "r1", chargeId: charged.chargeId, amount: 200, currency: "EUR" };
  const given = await gateway.refund(refund, never);
  now += keyRetentionMs + 1;
  assert.deepEqual(await gateway.refund(refund, never), given);
  await assert.rejects(gateway.refund({ ...refund, amount: 201 }, never), GatewayRefused);
  assert.equal(like.book.refunds.length, 1);
  const [first] = like.book.refunds;
  assert.ok(first !== undefined);
  Object.assign(first, { status: "failed", failure_reason: "lost_or_stolen_card" });
  await assert.rejects(gateway.refund(refund, never), /failed \(lost_or_stolen_card\)/);
});

test("Stripe: a charge is not repeated when Stripe has forgotten its key, whatever became of it", async (t) => {
  const began = 1_800_000_000_000;
  let now = began;
  const { like, gateway } = await stripe(t, { now: () => now });
  const requests = ["pm_card_visa", "pm_card_chargeDeclined", "pm_like_processing"].map((method) =>
    request(method, { key: `"${method}\\`, since: began }),
  );
  const outcomes = () => Promise.allSettled(requests.map((each) => gateway.charge(each, never)));
  const before = await outcomes();
  assert.deepEqual(
    before.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected"],
  );
  now += keyRetentionMs + 1;
  assert.deepEqual((await outcomes()).slice(0, 2), before.slice(0, 2));
  like.finish("pi_like3", "succeeded");
  assert.deepEqual((await outcomes())[2], { status: "fulfilled", value: { kind: "charged", chargeId: "pi_like3" } });
  const [paid = chargeRequest()] = requests;
  await assert.rejects(gateway.charge({ ...paid, amount: 501 }, never), GatewayRefused);
  assert.equal(like.book.intents.size, 3);
  // One that nobody asked for in all that time is charged now.
  const late = request("pm_card_visa", { key: "late", since: began });
  assert.equal((await gateway.charge(late, never)).kind, "charged");
});

test("Stripe: a charge that was first asked for by a clock that was ahead is looked for before it is made again", async (t) => {
  const now = 1_800_000_000_000;
  const { like, gateway } = await stripe(t, { now: () => now });
  const asked = request("pm_card_visa", { since: now + 3_650 * 86_400_000 });
  await gateway.charge(asked, never);
  const searched = like.asked.findIndex((what) => what.startsWith("GET /v1/payment_intents/search"));
  assert.ok(searched >= 0 && searched < like.asked.indexOf("POST /v1/payment_intents"), like.asked.join());
  await gateway.charge(request("pm_card_visa", { key: "k2", since: now - 60_000 }), never);
  assert.equal(like.asked.filter((what) => what.startsWith("GET /v1/payment_intents/search")).length, 1);
});

test("Stripe: amounts are told in its units where they are not those of ISO 4217", async (t) => {
  const { like, gateway } = await stripe(t);
  for (const [currency, amount, theirs] of [
    ["EUR", 500, 500],
    ["JPY", 500, 500],
    ["ISK", 500, 50_000],
    ["UGX", 500, 50_000],
    ["MGA", 50_000, 500],
    ["HUF", 50_050, 50_050],
    ["KWD", 5_120, 5_120],
  ] as const) {
    const charged = await gateway.charge(request("pm_card_visa", { key: currency, currency, amount }), never);
    assert.ok(charged.kind === "charged");
    assert.equal(like.book.intents.get(charged.chargeId)?.amount, theirs);
    await gateway.refund({ key: `r${currency}`, chargeId: charged.chargeId, amount, currency }, never);
  }
  assert.deepEqual(
    like.book.refunds.map(({ amount }) => amount),
    [500, 500, 50_000, 50_000, 500, 50_050, 5_120],
  );
  const asked = like.asked.length;
  for (const [currency, amount, reason] of [
    ["MGA", 501, "the gateway takes multiples of 1.00 MGA, and no 5.01 MGA"],
    ["KWD", 5_124, "the gateway takes multiples of 0.010 KWD, and no 5.124 KWD"],
    ["TND", 1, "the gateway takes multiples of 0.010 TND, and no 0.001 TND"],
  ] as const) {
    const broken = request("pm_card_visa", { key: `broken ${currency}`.replace(" ", "-"), currency, amount });
    assert.deepEqual(await gateway.charge(broken, never), { kind: "declined", reason });
    await assert.rejects(gateway.refund({ key: "r", chargeId: "pi_like1", amount, currency }, never), GatewayRefused);
  }
  assert.equal(like.asked.length, asked, "Stripe was not asked");
  await assert.rejects(gateway.charge(request("pm_card_visa", { key: "a b" }), never), GatewayRefused);
});

test("Stripe: an amount that it finds too small or too large is declined at once, and 0 without asking it", async (t) => {
  const { like, gateway } = await stripe(t);
  for (const [amount, reason] of [
    [0, "the gateway takes no payment of 0.00 EUR"],
    [1, "the amount is less than the gateway takes"],
    [49, "the amount is less than the gateway takes"],
    [100_000_000, "the amount is more than the gateway takes"],
  ] as const) {
    const asked = request("pm_card_visa", { key: String(amount), amount });
    assert.deepEqual(await gateway.charge(asked, never), { kind: "declined", reason });
    assert.deepEqual(await gateway.charge(asked, never), { kind: "declined", reason }, "again, under its key");
  }
  assert.equal(like.asked.length, 6);
  assert.equal(like.book.intents.size, 0);
  for (const amount of [50, 99_999_999])
    assert.equal(
      (await gateway.charge(request("pm_card_visa", { key: String(amount), amount }), never)).kind,
      "charged",
    );
});

test("Stripe: a key that it does not take is no answer, and is told to nobody", async (t) => {
  const { like } = await stripe(t);
  const gateway = stripeGateway({ ...like, key: "sk_test_verySecretIndeed" });
  await assert.rejects(gateway.charge(request("pm_card_visa"), never), (error) => {
    assert.ok(error instanceof GatewayUnavailable);
    assert.match(error.message, /401/);
    assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), /verySecret/);
    return true;
  });
});

test("Stripe: settings that do not go together are told at once, and no key is sent in the clear", () => {
  const faults = (env: Readonly<Record<string, string>>) => {
    const section = { name: "billing", fields: gatewaySettings, faults: gatewayFaults };
    try {
      loadConfig([section], { env: { HOLDFAST_BILLING_GATEWAY: "stripe", ...env } });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.faults.join("\n");
    }
    return "";
  };
  assert.match(
    faults({ HOLDFAST_BILLING_STRIPE_URL: "http://127.example.com" }),
    /^HOLDFAST_BILLING_STRIPE_KEY .* is not set.*\nHOLDFAST_BILLING_STRIPE_URL .* must begin with https/,
  );
  const HOLDFAST_BILLING_STRIPE_KEY = "sk_test_like";
  assert.equal(faults({ HOLDFAST_BILLING_STRIPE_KEY }), "");
  assert.equal(faults({ HOLDFAST_BILLING_STRIPE_KEY, HOLDFAST_BILLING_STRIPE_URL: "http://127.0.0.1:12111" }), "");
  assert.match(faults({ HOLDFAST_BILLING_STRIPE_KEY: "pk_test_public" }), /STRIPE_KEY is \(secret\)/);
});

test("Stripe: whatever is not its answer is no answer", async (t) => {
  let answer: readonly [number, string] = [200, ""];
  const server = createServer((_, response) => void response.writeHead(answer[0], { location: "/" }).end(answer[1]));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const gateway = stripeGateway({ url: `http://127.0.0.1:${String(address.port)}`, key: "sk_test_like", clock: Date });
  for (const given of [
    [200, "<html>"],
    [200, "{}"],
    [302, "{}"],
    [400, "<html>"],
    [429, '{"error":{"type":"invalid_request_error","code":"lock_timeout"}}'],
    [400, '{"error":{"type":"invalid_request_error","code":"rate_limit"}}'],
    [403, '{"error":{"type":"invalid_request_error"}}'],
    [500, '{"error":{"type":"api_error"}}'],
  ] as const) {
    answer = given;
    await assert.rejects(gateway.charge(request("pm_card_visa"), never), GatewayUnavailable, given.join(" "));
  }
});

const mock = process.env["HOLDFAST_TEST_STRIPE"];
test(
  "Stripe's own mock knows all that is sent, and its answers are understood",
  {
    skip:
      mock === undefined && process.env["HOLDFAST_REQUIRE_ENGINES"] !== "1"
        ? "needs stripe-mock: HOLDFAST_TEST_STRIPE names no server"
        : false,
  },
  async () => {
    if (mock === undefined) throw new Error("HOLDFAST_REQUIRE_ENGINES=1, and HOLDFAST_TEST_STRIPE names no server.");
    const gateway = stripeGateway({ url: mock, key: "sk_test_123", clock: Date });
    // Each answer is the example of the documentation, whatever was sent: made, looked up and given up, the intent still waits for a method.
    await assert.rejects(gateway.charge(request("pm_card_visa"), never), {
      name: GatewayUnavailable.name,
      message: /pi_\w+ is requires_payment_method/,
    });
    await assert.rejects(
      gateway.charge(request("pm_card_visa", { since: 0 }), never),
      GatewayRefused,
      "another amount",
    );
    const refund = { key: "r1", chargeId: "pi_123", amount: 200, currency: "USD" };
    assert.match((await gateway.refund(refund, never)).refundId, /^re_\w+$/);
    const unknown = await fetch(`${mock}/v1/refunds`, {
      method: "POST",
      headers: { authorization: "Bearer sk_test_123", "content-type": "application/x-www-form-urlencoded" },
      body: "payment_intents=pi_123",
    });
    assert.equal(unknown.status, 400, "it would have told of a parameter that Stripe does not know");
  },
);
