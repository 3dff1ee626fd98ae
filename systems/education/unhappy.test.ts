import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { isProblem } from "holdfast/contract";
import { systemRuntime } from "holdfast/runtime";
import { operator, start, until, user, type StartOptions, type TestSystem } from "holdfast/testing";
import { serveCapture, testAddresses } from "../notifications/mail/capture-server.ts";
import { deliveries } from "../notifications/mail/captured.ts";
import { mailFile } from "../notifications/mail/index.ts";
import { embeddedGateway } from "../payment-gateway/embedded.ts";
import { gatewayFile } from "../payment-gateway/index.ts";
import { ledger } from "../payment-gateway/ledger.ts";
import { GatewayUnavailable } from "../payment-gateway/port.ts";
import { serveGateway } from "../payment-gateway/server.ts";
import { GetCourse, PutCourse } from "./courses/contracts.ts";
import { CancelRegistration, GetRegistration, Register } from "./registrations/contracts.ts";
import { education } from "./services.ts";

/** The school with a course of so many seats. */
async function begin(seats: number, options: StartOptions = {}): Promise<TestSystem> {
  const school = await start(education, options);
  const body = { title: "Baking", price: { amount: 4_900, currency: "EUR" }, seats };
  await school.call(PutCourse, { params: { courseId: "10" }, body, as: operator() });
  return school;
}
const register = async (school: TestSystem, user: string, payment_method = "card_ok", course_id = "10") => {
  const query = { user_id: user, user_email: `${user}@example.com`, course_id, payment_method };
  return (await school.call(Register, { query })).body.registrationId;
};
const look = async (school: TestSystem, registrationId: string) =>
  (await school.call(GetRegistration, { params: { registrationId } })).body;
const cancel = (school: TestSystem, registrationId: string) =>
  school.call(CancelRegistration, { params: { registrationId } });
/** Time goes by until it is so. */
const comesTo = (school: TestSystem, registrationId: string, ...stages: readonly string[]) =>
  until(`it is ${stages.join(" or ")}`, async () => {
    if (stages.includes((await look(school, registrationId)).stage)) return true;
    await school.runtime.advance(500);
    return false;
  });
const kept = (school: TestSystem) =>
  ledger(gatewayFile(school.data)).reduce((sum, { charged, refunded }) => sum + charged - refunded, 0);
const taken = async (school: TestSystem) => (await school.call(GetCourse, { params: { courseId: "10" } })).body.taken;
/** Subjects of what was sent to a user, in any order. */
const told = (school: TestSystem, user: string) =>
  deliveries(mailFile(school.data))
    .filter(({ to }) => to === `${user}@example.com`)
    .map(({ subject }) => subject)
    .toSorted();

const welcome = "Welcome to Baking";
const failed = "Your registration came to nothing";
const cancelled = "Your registration is cancelled";
const refunded = "Your money is on its way back";

void test("an unknown course: nothing is registered, and the request is told", async () => {
  await using school = await begin(1);
  await assert.rejects(register(school, "ada", "card_ok", "99"), (error) =>
    isProblem(error, "registrations/unknown-course"),
  );
});

void test("a full course: who paid too late has the money back, and is told why", async () => {
  await using school = await begin(1);
  await comesTo(school, await register(school, "ada"), "completed");
  const late = await register(school, "bob");
  await comesTo(school, late, "failed");
  await school.settled();
  assert.match((await look(school, late)).reason ?? "", /^there is no seat/);
  assert.deepEqual([told(school, "ada"), told(school, "bob")], [[welcome], [refunded, failed]]);
  assert.deepEqual([await taken(school), kept(school)], [1, 4_900]);
});

void test("a declined card: nothing is charged, the user is told, and may try again", async () => {
  await using school = await begin(1);
  await comesTo(school, await register(school, "ada", "card_declined"), "failed");
  await comesTo(school, await register(school, "ada"), "completed");
  await school.settled();
  assert.deepEqual(told(school, "ada"), [welcome, failed]);
  assert.equal(kept(school), 4_900);
});

void test("a gateway that is down, slow, or whose answer is lost: it is asked again under the same key, and charges once", async () => {
  await using school = await begin(3);
  const users = ["card_down", "card_slow", "card_answer_lost"];
  const all = await Promise.all(users.map((method) => register(school, method, method)));
  for (const registrationId of all) await comesTo(school, registrationId, "completed");
  await school.settled();
  assert.deepEqual(
    ledger(gatewayFile(school.data)).map(({ charged }) => charged),
    [4_900, 4_900, 4_900],
  );
  assert.equal(kept(school), 3 * 4_900);
});

void test("a gateway that is silent beyond all patience: the registration fails and the user is told, while the charge is settled and given back", async () => {
  await using school = await begin(1, { env: { HOLDFAST_PAYMENTS_PATIENCE_MS: "0" } });
  const registrationId = await register(school, "ada", "card_down");
  await comesTo(school, registrationId, "failed");
  assert.match((await look(school, registrationId)).reason ?? "", /the payment gateway gave no answer/);
  await until("the money is back", async () => {
    await school.runtime.advance(500);
    return told(school, "ada").includes(refunded);
  });
  await school.settled();
  assert.deepEqual(told(school, "ada"), [refunded, failed]);
  assert.deepEqual(
    ledger(gatewayFile(school.data)).map(({ charged, refunded: back }) => [charged, back]),
    [[4_900, 4_900]],
  );
  assert.deepEqual([(await look(school, registrationId)).stage, await taken(school)], ["failed", 0]);
});

void test("a duplicate registration of a signed-in user is refused while the first one lives", async () => {
  await using school = await begin(2);
  const as = user("ada");
  const registerAda = async () => {
    const query = { user_email: "ada@example.com", course_id: "10" };
    return (await school.call(Register, { query, as })).body.registrationId;
  };
  const is = (registrationId: string, stage: string) =>
    until(`it is ${stage}`, async () => {
      const reply = await school.call(GetRegistration, { params: { registrationId }, as });
      return reply.body.stage === stage;
    });
  const first = await registerAda();
  const again = (error: unknown) => isProblem(error, "registrations/already-registered");
  await assert.rejects(registerAda(), again);
  await is(first, "completed");
  await assert.rejects(registerAda(), again);
  await school.call(CancelRegistration, { params: { registrationId: first }, as });
  await is(first, "cancelled");
  await is(await registerAda(), "completed");
  await school.settled();
  assert.deepEqual([await taken(school), kept(school)], [1, 4_900]);
});

void test("cancelled while it is paying: what is charged all the same is given back, and there is no welcome", async () => {
  await using school = await begin(1);
  const registrationId = await register(school, "ada", "card_slow");
  assert.equal((await cancel(school, registrationId)).body.stage, "cancelling");
  await comesTo(school, registrationId, "cancelled");
  await school.settled();
  assert.deepEqual([await taken(school), kept(school)], [0, 0]);
  assert.ok(told(school, "ada").includes(cancelled) && !told(school, "ada").includes(welcome));
});

void test("cancelled when it is completed: seat and money are given back, and the welcome stays", async () => {
  await using school = await begin(1);
  const registrationId = await register(school, "ada");
  await comesTo(school, registrationId, "completed");
  await cancel(school, registrationId);
  await comesTo(school, registrationId, "cancelled");
  await school.settled();
  assert.deepEqual([await taken(school), kept(school)], [0, 0]);
  assert.deepEqual(told(school, "ada"), [welcome, refunded, cancelled]);
});

void test("cancelled while a refused one waits for its money: the money comes once, and it ends cancelled", async (t) => {
  const files = await mkdtemp(path.join(os.tmpdir(), "holdfast-unhappy-"));
  const inner = embeddedGateway({ file: gatewayFile(files), runtime: systemRuntime() });
  let held = true;
  const server = await serveGateway(
    {
      ...inner,
      async refund(...asked) {
        if (held) throw new GatewayUnavailable("it is held back.");
        return inner.refund(...asked);
      },
    },
    0,
  );
  t.after(async () => {
    await server.close();
    await inner[Symbol.asyncDispose]();
    await rm(files, { recursive: true, force: true });
  });
  await using school = await begin(0, { env: { HOLDFAST_PAYMENTS_GATEWAY: server.url } });
  const registrationId = await register(school, "ada");
  await comesTo(school, registrationId, "refunding");
  assert.equal((await cancel(school, registrationId)).body.stage, "cancelling");
  held = false;
  await comesTo(school, registrationId, "cancelled");
  await school.settled();
  assert.deepEqual(
    ledger(gatewayFile(files)).map(({ charged, refunded: back }) => [charged, back]),
    [[4_900, 4_900]],
  );
  assert.deepEqual(told(school, "ada"), [refunded, cancelled]);
});

void test("a welcome that bounces changes nothing about the seat", async (t) => {
  await using files = await start(education);
  const server = await serveCapture(`${files.data}/server.db`, 0);
  t.after(() => server.close());
  await using school = await begin(1, { env: { HOLDFAST_NOTIFICATIONS_MAIL: server.url } });
  const [user = ""] = testAddresses.bounces.split("@");
  const registrationId = await register(school, user);
  await comesTo(school, registrationId, "completed");
  await school.settled();
  assert.deepEqual(deliveries(`${files.data}/server.db`), []);
  assert.deepEqual(
    [(await look(school, registrationId)).stage, await taken(school), kept(school)],
    ["completed", 1, 4_900],
  );
});
