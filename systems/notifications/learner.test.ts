import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem } from "holdfast/contract";
import { operator, start, until, user, type TestSystem } from "holdfast/testing";
import { GetNotification, ListMail, PutPreferences } from "./contracts.ts";
import { serveCapture, testAddresses } from "./mail/capture-server.ts";
import { deliveries } from "./mail/captured.ts";
import { mailFile } from "./mail/index.ts";
import { notificationId } from "./notification.ts";
import { notifications } from "./service.ts";

const registrationId = "018f0000-0000-7000-8000-000000000001";
const number = "+4915112345678";
const completed = (system: TestSystem, email = "test@example.com") => {
  const data = { registrationId, userId: "1", email, courseId: "10", title: "Distributed systems" };
  return system.inject({ type: "registration.completed", key: registrationId, data: JSON.stringify(data) });
};
const welcome = notificationId({ kind: "registration-completed", about: registrationId });
const stateOf = async (system: TestSystem) =>
  (await system.call(GetNotification, { params: { notificationId: welcome }, as: operator() })).body;
const settled = (system: TestSystem) =>
  until("the welcome is settled", async () => {
    try {
      return (await stateOf(system)).state !== "waiting";
    } catch (error) {
      if (isProblem(error, "notifications/unknown-notification")) return false;
      throw error;
    }
  });

test("who completes a registration is welcomed by mail once, however often it is told", async () => {
  await using system = await start(notifications);
  await completed(system);
  await completed(system);
  await settled(system);
  await system.settled();
  const [{ to, subject, text } = { to: "", subject: "", text: "" }, ...more] = deliveries(mailFile(system.data));
  assert.deepEqual([to, subject, more.length], ["test@example.com", "Welcome to Distributed systems", 0]);
  assert.match(text, /a seat in Distributed systems \(course 10\)/);
});

test("a user who wants short messages is welcomed by one in place of a mail, and it is shown among what was sent", async () => {
  await using system = await start(notifications);
  await system.call(PutPreferences, {
    params: { userId: "1" },
    body: { email: false, muted: [], sms: number },
    as: user("1"),
  });
  await completed(system);
  await settled(system);
  assert.deepEqual([(await stateOf(system)).state, (await stateOf(system)).to], ["sent", number]);
  const { items } = (await system.call(ListMail, { query: {} })).body;
  assert.deepEqual(
    items.map(({ to, subject, messageId }) => [to, subject, messageId]),
    [[number, "", `<${welcome}@holdfast>`]],
  );
});

test("how a person is told is nobody else's to say", async () => {
  await using system = await start(notifications);
  const wishes = { params: { userId: "1" }, body: { email: false, muted: [] } };
  await assert.rejects(system.call(PutPreferences, { ...wishes, as: user("2") }), (error) =>
    isProblem(error, "kit/forbidden"),
  );
  assert.equal((await system.call(PutPreferences, { ...wishes, as: operator() })).status, 200);
});

test("a welcome reaches a real mail server; one that bounces there says so, with its reason", async (t) => {
  await using system = await start(notifications);
  const server = await serveCapture(`${system.data}/server.db`, 0);
  t.after(() => server.close());
  for (const [email, state] of [
    ["test@example.com", "sent"],
    [testAddresses.bounces, "bounced"],
  ] as const) {
    await using real = await start(notifications, { env: { HOLDFAST_NOTIFICATIONS_MAIL: server.url } });
    await completed(real, email);
    await settled(real);
    const told = await stateOf(real);
    assert.equal(told.state, state);
    if (state === "bounced") assert.match(told.reason ?? "", /refused/);
  }
  assert.deepEqual(
    deliveries(`${system.data}/server.db`).map(({ to, subject }) => [to, subject]),
    [["test@example.com", "Welcome to Distributed systems"]],
  );
});
