import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem, type Caller } from "holdfast/contract";
import { operator, start, until, user, type TestSystem } from "holdfast/testing";
import { beginOn, engines } from "../fixtures/engines.ts";
import { gatewayFile } from "../payment-gateway/index.ts";
import { ledger } from "../payment-gateway/ledger.ts";
import { GetAccess, GetCourse, PutCourse } from "./courses/contracts.ts";
import { courses } from "./courses/service.ts";
import { payments } from "./payments/service.ts";
import { ListPayments, RegistrationPaid, RegistrationRefunded } from "./payments/contracts.ts";
import {
  CancelRegistration,
  GetRegistration,
  GetRegistrationHistory,
  Register,
  RegistrationCancelled,
  RegistrationCreated,
  RegistrationFailed,
} from "./registrations/contracts.ts";
import { registrations } from "./registrations/service.ts";

const price = { amount: 4_900, currency: "EUR" };
const open = (school: TestSystem, seats: number, courseId = "10") =>
  school.call(PutCourse, { params: { courseId }, body: { title: "Baking", price, seats }, as: operator() });
const register = async (
  school: TestSystem,
  more: { readonly user_id?: string; readonly payment_method?: string } = {},
  as?: Caller,
) => {
  const query = { user_id: "1", user_email: "test@example.com", course_id: "10", ...more };
  return (await school.call(Register, { query, ...(as === undefined ? {} : { as }) })).body;
};
const look = async (school: TestSystem, registrationId: string) =>
  (await school.call(GetRegistration, { params: { registrationId } })).body;
const comesTo = (school: TestSystem, registrationId: string, stage: string) =>
  until(`it is ${stage}`, async () => (await look(school, registrationId)).stage === stage);
const cancel = (school: TestSystem, registrationId: string) =>
  school.call(CancelRegistration, { params: { registrationId } });
const history = async (school: TestSystem, registrationId: string) =>
  (await school.call(GetRegistrationHistory, { params: { registrationId } })).body.items.map(
    ({ fact, effect }) => `${fact}: ${effect}`,
  );
const taken = async (school: TestSystem) => (await school.call(GetCourse, { params: { courseId: "10" } })).body.taken;

for (const { engine, storeUrl, skip } of engines) {
  const begin = beginOn([registrations, payments, courses], storeUrl);
  void test(
    `${engine}: who registers and pays has access; who cancels has the money back, and may register again`,
    { skip },
    async () => {
      await using school = await begin();
      await open(school, 1);
      const { registrationId, total } = await register(school);
      assert.deepEqual(total, price);
      await comesTo(school, registrationId, "completed");
      await school.call(GetAccess, { params: { courseId: "10", userId: `guest:${registrationId}` } });
      assert.equal((await cancel(school, registrationId)).status, 202);
      await comesTo(school, registrationId, "cancelled");
      await cancel(school, registrationId);
      assert.equal((await look(school, registrationId)).reason, "the user cancelled it");
      assert.equal(await taken(school), 0);
      assert.deepEqual(
        (await history(school, registrationId)).filter((fact) => !fact.startsWith("paid: ")),
        ["registered: noted", "completed: completed", "cancelled-by-user: cancelling", "refunded: cancelled"],
      );
      const again = await register(school);
      await comesTo(school, again.registrationId, "completed");
      await school.settled();
      assert.equal((await school.published(RegistrationCancelled)).length, 1);
      assert.equal((await school.published(RegistrationPaid)).length, 2);
    },
  );

  void test(
    `${engine}: 64 who pay for 5 seats, while some cancel: never oversold, and whoever has no seat has the money back`,
    { skip },
    async () => {
      await using school = await begin();
      await open(school, 5);
      let watching = true;
      const watch = async () => {
        while (watching) {
          await school.runtime.timers.sleep(1);
          const seats = await taken(school);
          assert.ok(seats >= 0 && seats <= 5, `${String(seats)} of 5 seats are taken`);
        }
      };
      /** False where it has come to nothing already: there was no seat. */
      const cancelled = async (registrationId: string): Promise<boolean> => {
        try {
          return (await cancel(school, registrationId)).status === 202;
        } catch (error) {
          assert.ok(isProblem(error, "registrations/failed"), String(error));
          return false;
        }
      };
      const everybody = async () => {
        try {
          return await Promise.all(
            Array.from({ length: 64 }, async (_, user) => {
              const { registrationId } = await register(school, { user_id: String(user) });
              return { registrationId, isCancelled: user % 8 === 0 && (await cancelled(registrationId)) };
            }),
          );
        } finally {
          await school.settled();
          watching = false;
        }
      };
      const [all] = await Promise.all([everybody(), watch()]);
      const of = (events: readonly { readonly registrationId: string }[]) =>
        events.map(({ registrationId }) => registrationId);
      const [paid, refunded] = [
        of(await school.published(RegistrationPaid)),
        of(await school.published(RegistrationRefunded)),
      ];
      const stages: Record<string, number> = {};
      for (const { registrationId, isCancelled } of all) {
        const { stage } = await look(school, registrationId);
        assert.equal(stage === "cancelled", isCancelled);
        assert.equal(paid.includes(registrationId) && !refunded.includes(registrationId), stage === "completed");
        stages[stage] = (stages[stage] ?? 0) + 1;
      }
      const { completed = 0, failed = 0 } = stages;
      assert.equal(await taken(school), completed);
      // A seat that is given back when all have been told stays free.
      assert.ok(completed <= 5 && completed + all.filter((each) => each.isCancelled).length >= 5);
      assert.equal(completed + failed + all.filter((each) => each.isCancelled).length, 64);
      const kept = ledger(gatewayFile(school.data)).map(({ charged, refunded: back }) => charged - back);
      assert.deepEqual(
        kept.filter((amount) => amount !== 0),
        Array.from({ length: completed }, () => price.amount),
        "who has a seat has paid for it once, and nobody else",
      );
    },
  );

  void test(
    `${engine}: of many who register the same user for the same course at once, at two instances, one does`,
    { skip },
    async () => {
      await using school = await begin();
      await open(school, 5);
      const { data, runtime } = school;
      const shared = storeUrl === undefined ? {} : { storeUrl };
      await using twin = await start(registrations, { data, runtime, ...shared });
      await school.settled();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 24 }, (_, at) => register(at % 2 === 0 ? school : twin, {}, user("1"))),
      );
      const refused = outcomes.filter((each) => each.status === "rejected");
      for (const { reason } of refused)
        assert.ok(isProblem(reason, "registrations/already-registered"), String(reason));
      assert.equal(refused.length, 23);
      assert.equal((await school.published(RegistrationCreated)).length, 1);
    },
  );
}

const begin = beginOn([registrations, payments, courses], undefined);

void test("a card that is declined ends it: it cannot be cancelled, and the user may try again; what pays by default is a setting", async () => {
  await using school = await begin({ env: { HOLDFAST_REGISTRATIONS_PAYMENT_METHOD: "card_declined" } });
  await open(school, 1);
  const { registrationId } = await register(school);
  await comesTo(school, registrationId, "failed");
  assert.equal((await look(school, registrationId)).reason, "it could not be charged: the card was declined");
  await assert.rejects(cancel(school, registrationId), (error) => isProblem(error, "registrations/failed"));
  assert.equal((await school.published(RegistrationFailed)).length, 1);
  await comesTo(school, (await register(school, { payment_method: "card_ok" })).registrationId, "completed");
});

void test("a registration whose time is over is undone, and what is charged for it later is given back", async () => {
  await using school = await begin({ env: { HOLDFAST_REGISTRATIONS_TIMEOUT_MS: "1000" } });
  await open(school, 1);
  const { registrationId } = await register(school, { payment_method: "card_slow" });
  const paymentIs = (state: string) =>
    until(`its payment is ${state}`, async () => {
      const query = { registrationId };
      const { items } = (await school.call(ListPayments, { query, as: operator() })).body;
      return items[0]?.state === state;
    });
  await paymentIs("charging");
  await school.runtime.advance(1_000);
  await comesTo(school, registrationId, "cancelling");
  await paymentIs("void-wanted");
  await school.runtime.advance(1_000);
  await comesTo(school, registrationId, "cancelled");
  await school.settled();
  assert.deepEqual(await history(school, registrationId), [
    "registered: noted",
    "timed-out: cancelling",
    "refunded: cancelled",
  ]);
  assert.equal(await taken(school), 0);
});

void test("a course is known by what courses says of it, or by asking; one that there is not cannot be registered for", async () => {
  await using school = await begin();
  await open(school, 1, "20");
  const query = { user_id: "1", user_email: "test@example.com", course_id: "20" };
  const reply = await school.call(Register, { query });
  assert.equal(reply.headers.location, `/registrations/${reply.body.registrationId}`);
  await assert.rejects(school.call(Register, { query: { ...query, course_id: "40" } }), (error) =>
    isProblem(error, "registrations/unknown-course"),
  );
  await open(school, 1, "20");
  const cheaper = { title: "Baking", price: { ...price, amount: 100 }, seats: 1 };
  await school.call(PutCourse, { params: { courseId: "20" }, body: cheaper, as: operator() });
  await school.settled();
  const { total } = (await school.call(Register, { query: { ...query, user_id: "2" } })).body;
  assert.equal(total.amount, 100);
  await school.settled();
});

void test("a signed-in user's registration is that user's to see and to cancel, and operators'", async () => {
  await using school = await begin();
  await open(school, 1);
  const { registrationId } = await register(school, { user_id: "ada" }, user("ada"));
  await school.settled();
  const params = { registrationId };
  for (const other of [{}, { as: user("bob") }])
    for (const endpoint of [GetRegistration, GetRegistrationHistory, CancelRegistration])
      await assert.rejects(school.call(endpoint, { params, ...other }), (error) =>
        isProblem(error, "registrations/unknown-registration"),
      );
  for (const as of [user("ada"), operator()])
    assert.equal((await school.call(GetRegistration, { params, as })).body.stage, "completed");
  const { stage } = (await school.call(CancelRegistration, { params, as: user("ada") })).body;
  assert.equal(stage, "cancelling");
  await school.settled();
});
