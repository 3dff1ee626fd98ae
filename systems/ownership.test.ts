import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem, type Caller, type User } from "holdfast/contract";
import { asService, operator, start, until, user, type TestSystem } from "holdfast/testing";
import { GetInvoice } from "./commerce/billing/contracts.ts";
import { CreateCustomer, GetCustomerOrders } from "./commerce/customers/contracts.ts";
import { PutStock } from "./commerce/inventory/contracts.ts";
import { GetOrder, GetOrderInvoice, ListOrdersOfCustomer, PlaceOrder } from "./commerce/orders/contracts.ts";
import { GetAccess, PutCourse } from "./education/courses/contracts.ts";
import { ListPayments } from "./education/payments/contracts.ts";
import { CancelRegistration, GetRegistration, Register } from "./education/registrations/contracts.ts";
import { ListMail, PutPreferences } from "./notifications/contracts.ts";
import { deliveries } from "./notifications/mail/captured.ts";
import { mailFile } from "./notifications/mail/index.ts";
import { services } from "./systems.ts";

const price = { amount: 250, currency: "EUR" };
const ada: User = { kind: "user", id: "ada", roles: [] };
const bob = user("bob");
const number = "+4915199988877";
/** Undefined is a guest. */
const by = (as: Caller | undefined) => (as === undefined ? {} : { as });

async function begin(env: Readonly<Record<string, string>> = {}): Promise<TestSystem> {
  const platform = await start(services, { env });
  const course = { title: "Baking", price, seats: 20 };
  await platform.call(PutCourse, { params: { courseId: "10" }, body: course, as: operator() });
  const apple = { name: "Apple", price, quantity: 100 };
  await platform.call(PutStock, { params: { sku: "apple" }, body: apple, as: operator() });
  await platform.settled();
  return platform;
}
const register = (platform: TestSystem, user_id: string | undefined, as?: Caller) => {
  const query = { user_email: "test@example.com", course_id: "10", ...(user_id === undefined ? {} : { user_id }) };
  return platform.call(Register, { query, ...by(as) });
};
const comesTo = (platform: TestSystem, registrationId: string, stage: string) =>
  until(`it is ${stage}`, async () => {
    const reply = await platform.call(GetRegistration, { params: { registrationId }, as: operator() });
    return reply.body.stage === stage;
  });
const access = (platform: TestSystem, userId: string, as?: Caller) =>
  platform.call(GetAccess, { params: { courseId: "10", userId }, ...by(as) });
const customerOf = async (platform: TestSystem, as?: Caller) =>
  (await platform.call(CreateCustomer, { body: { name: "C", email: "customer@example.com" }, ...by(as) })).body
    .customerId;
const order = async (platform: TestSystem, customerId: string, as?: Caller) => {
  const body = { customerId, lines: [{ sku: "apple", quantity: 1 }], paymentMethod: "card_ok" };
  return (await platform.call(PlaceOrder, { body, ...by(as) })).body.orderId;
};
const sent = (platform: TestSystem) => deliveries(mailFile(platform.data)).map(({ to, subject }) => `${to} ${subject}`);
const is = (code: string) => (error: unknown) => isProblem(error, code);

test("a signed-in user registers nobody else: a user_id is absent, or the user's own", async () => {
  await using platform = await begin();
  await assert.rejects(register(platform, "ada", bob), is("kit/forbidden"));
  await assert.rejects(register(platform, "ada", operator()), is("kit/forbidden"), "an operator neither");
  const own = (await register(platform, undefined, ada)).body;
  assert.equal(own.userId, "ada");
  await comesTo(platform, own.registrationId, "completed");
  await assert.rejects(register(platform, "ada", ada), is("registrations/already-registered"));
  assert.equal((await access(platform, "ada", ada)).body.registrationId, own.registrationId);
  for (const as of [undefined, bob])
    await assert.rejects(access(platform, "ada", as), is("courses/no-access"), "denied and absent look alike");
});

test("a guest's user_id is nobody's: it blocks no user, gives no user access, and hears of none", async () => {
  await using platform = await begin();
  const guest = (await register(platform, "ada")).body;
  assert.equal(guest.userId, "ada", "shown as it was sent");
  await comesTo(platform, guest.registrationId, "completed");
  await assert.rejects(access(platform, "ada", ada), is("courses/no-access"));
  const userId = `guest:${guest.registrationId}`;
  const seat = (await access(platform, userId)).body;
  assert.deepEqual([seat.registrationId, seat.userId], [guest.registrationId, userId]);
  assert.deepEqual((await access(platform, `guest:${guest.registrationId.toUpperCase()}`)).body, seat);
  // Neither the user nor another guest of the name is kept from the course, or told that somebody takes it.
  const own = (await register(platform, "ada", ada)).body;
  const another = (await register(platform, "ada")).body;
  for (const { registrationId } of [own, another]) await comesTo(platform, registrationId, "completed");
  await platform.call(CancelRegistration, { params: { registrationId: guest.registrationId } });
  await comesTo(platform, guest.registrationId, "cancelled");
  assert.equal((await access(platform, "ada", ada)).body.registrationId, own.registrationId);
  await platform.settled();
});

test("a guest who has a user's name reaches neither the user's phone nor the user's preferences", async () => {
  await using platform = await begin();
  const body = { email: false, sms: number, muted: [] };
  await platform.call(PutPreferences, { params: { userId: "ada" }, body, as: ada });
  const { registrationId } = (await register(platform, "ada")).body;
  await comesTo(platform, registrationId, "completed");
  await platform.settled();
  assert.deepEqual(sent(platform), ["test@example.com Welcome to Baking"]);
  await register(platform, "ada", ada);
  await platform.settled();
  assert.deepEqual(sent(platform).slice(1), [`${number} `], "the user's own registration obeys them");
});

test("mail about a signed-in customer's orders obeys the user's preferences, a guest's nobody's", async () => {
  await using platform = await begin();
  const muted = ["order-paid", "order-confirmed", "order-rejected", "order-refunded"] as const;
  const body = { email: true, muted: [...muted] };
  await platform.call(PutPreferences, { params: { userId: "ada" }, body, as: ada });
  const [hers, guests] = [await customerOf(platform, ada), await customerOf(platform)];
  await order(platform, hers, ada);
  await platform.settled();
  await order(platform, hers, operator());
  await platform.settled();
  assert.deepEqual(sent(platform), [], "whoever placed the order: she is who would be told");
  await order(platform, guests, ada);
  await platform.settled();
  assert.deepEqual(
    sent(platform).toSorted(),
    ["customer@example.com We received your payment", "customer@example.com Your order is confirmed"].toSorted(),
  );
  await platform.call(PutPreferences, {
    params: { userId: "ada" },
    body: { ...body, sms: number, muted: [] },
    as: ada,
  });
  await order(platform, hers, ada);
  await platform.settled();
  assert.deepEqual(sent(platform).slice(2), [`${number} `, `${number} `]);
});

test("the orders of a customer are those that the caller may see, on every page and through every service", async () => {
  await using platform = await begin();
  const customerId = await customerOf(platform);
  const mine = [await order(platform, customerId), await order(platform, customerId, ada)];
  mine.push(await order(platform, customerId), await order(platform, customerId, bob));
  await platform.settled();
  const [first, hers, third, his] = mine;
  const seen = async (as: Caller | undefined) => {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 1, ...(cursor === undefined ? {} : { cursor }) };
      const { items, next } = (await platform.call(GetCustomerOrders, { params: { customerId }, query, ...by(as) }))
        .body;
      ids.push(...items.map(({ orderId }) => orderId));
      cursor = next;
    } while (cursor !== undefined);
    return ids;
  };
  assert.deepEqual(await seen(undefined), [third, first]);
  assert.deepEqual(await seen(ada), [third, hers, first]);
  assert.deepEqual(await seen(operator()), [his, third, hers, first]);
  const list = async (as: Caller) =>
    (await platform.call(ListOrdersOfCustomer, { query: { customerId }, as })).body.items.length;
  assert.equal(await list(asService("customers")), 4, "a service in its own name sees all");
  const guest = { kind: "service", name: "customers", onBehalfOf: { kind: "guest" } } as const;
  assert.deepEqual([await list(guest), await list({ ...guest, onBehalfOf: ada })], [2, 3]);
  const params = { orderId: hers ?? "" };
  for (const as of [undefined, bob]) {
    await assert.rejects(platform.call(GetOrder, { params, ...by(as) }), is("orders/unknown-order"));
    await assert.rejects(platform.call(GetOrderInvoice, { params, ...by(as) }), is("orders/unknown-order"));
    await assert.rejects(platform.call(GetInvoice, { params, ...by(as) }), is("billing/unknown-invoice"));
  }
  assert.equal((await platform.call(GetOrderInvoice, { params, as: ada })).body.state, "paid");
  const { items } = (await platform.call(ListPayments, { query: {}, as: operator() })).body;
  assert.deepEqual(items, []);
});

test("captured mail that is shown to anyone masked names no address, number or record", async () => {
  await using platform = await begin({ HOLDFAST_NOTIFICATIONS_MAIL_SHOWN: "masked" });
  await order(platform, await customerOf(platform));
  await platform.settled();
  const shown = async (as?: Caller) => (await platform.call(ListMail, { query: {}, ...by(as) })).body.items;
  const forAnyone = JSON.stringify(await shown());
  assert.match(forAnyone, /"to":"c…@e…"/);
  assert.doesNotMatch(forAnyone, /customer@example\.com|[0-9a-f]{8}-[0-9a-f]{4}/);
  assert.ok((await shown(operator())).every(({ to }) => to === "customer@example.com"));
});
