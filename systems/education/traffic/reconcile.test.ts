import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { operator, start, until, user as signedIn } from "holdfast/testing";
import { reconcile } from "../../traffic/reconcile.ts";
import { PutCourse } from "../courses/contracts.ts";
import { CancelRegistration, GetRegistration, Register } from "../registrations/contracts.ts";
import { education } from "../services.ts";
import { educationCheck } from "./reconcile.ts";

/** One of each ending, by a user of its own. */
async function drive(data: string): Promise<void> {
  await using school = await start(education, { data });
  const price = { amount: 4_900, currency: "EUR" };
  for (const courseId of ["10", "20"])
    await school.call(PutCourse, { params: { courseId }, body: { title: "B", price, seats: 9 }, as: operator() });
  const comeTo = async (user: string, payment_method: string, stage: string, guest = false) => {
    const query = { user_id: user, user_email: "test@example.com", course_id: "10", payment_method };
    const by = guest ? {} : { as: signedIn(user) };
    const { registrationId } = (await school.call(Register, { query, ...by })).body;
    const params = { registrationId };
    await school.settled();
    if (stage === "cancelled") await school.call(CancelRegistration, { params, ...by });
    const look = async () => (await school.call(GetRegistration, { params, ...by })).body.stage;
    await until(`it is ${stage}`, async () => (await look()) === stage);
  };
  await comeTo("1", "card_declined", "failed");
  await comeTo("1", "card_ok", "completed");
  await comeTo("1", "card_ok", "completed", true);
  await comeTo("3", "card_ok", "cancelled");
  await school.settled();
}

const one = (stage: string) => `(SELECT "registrationId" FROM registrations WHERE stage = '${stage}' LIMIT 1)`;
const aSeat = `"registrationId" = (SELECT "registrationId" FROM seats WHERE state = 'taken' LIMIT 1)`;
const aPayment = `"paymentId" = (SELECT "paymentId" FROM payments WHERE state = 'paid' LIMIT 1)`;
/** What is done to which store, and what is said of it. */
const faults: readonly (readonly [store: string, sql: string, said: RegExp])[] = [
  ["courses", `UPDATE courses SET taken = taken + 1 WHERE "courseId" = '10'`, /are counted as taken/],
  ["courses", `UPDATE seats SET "userId" = 'thief' WHERE ${aSeat}`, /seats of another user or course/],
  ["courses", `UPDATE seats SET "registrationId" = 'nobody' WHERE ${aSeat}`, /never asked for: seats/],
  ["notifications", `DELETE FROM notifications WHERE doc LIKE '%registration-completed%'`, /lost welcomes/],
  ["mail", `DELETE FROM deliveries WHERE rowid = 1`, /lost mails/],
  ["mail", `UPDATE deliveries SET "to" = 'thief@example.com' WHERE subject LIKE 'Welcome%'`, /lost welcomes/],
  [
    "mail",
    `INSERT INTO deliveries SELECT 0, messageId, 'thief@example.com', subject, text, at FROM deliveries WHERE number = 1`,
    /two addresses/,
  ],
  ["payments", `UPDATE payments SET state = 'refunded' WHERE ${aPayment}`, /do not stand as their registrations do/],
  ["payments", `UPDATE payments SET amount = 1 WHERE ${aPayment}`, /payments of another sum/],
  ["payments", `DELETE FROM "streamEvents" WHERE version = 2`, /shown otherwise than their events/],
  ["payments", `UPDATE "streamEvents" SET "eventData" = '{"total":"much"}' WHERE version = 1`, /that nobody can read/],
  ["payment-gateway", `DELETE FROM refunds`, /money that is not where it belongs/],
  ["registrations", `DELETE FROM registrations WHERE "registrationId" = ${one("completed")}`, /seats: 1/],
  [
    "registrations",
    `UPDATE registrations SET stage = 'completed' WHERE stage = 'failed'`,
    /doubled live registrations/,
  ],
  ["registrations", `UPDATE registrations SET stage = 'paying' WHERE stage = 'completed'`, /have not ended/],
  ["registrations", `DELETE FROM "liveRegistrations"`, /lost live registrations: 2/],
  ["registrations", `DELETE FROM "registrationFacts" WHERE fact = 'completed'`, /what they were told comes to: 2/],
];

test("the comparison sees every kind of fault that is planted, and none where there is none", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-reconcile-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  await drive(data);
  const found = async () => (await reconcile(data, [educationCheck], { alone: false })).violations;
  assert.deepEqual(await found(), []);
  for (const [store, sql, said] of faults) {
    const file = path.join(data, `${store}.db`);
    cpSync(file, `${file}.sound`);
    const db = new DatabaseSync(file);
    const { changes } = db.prepare(sql).run();
    db.close();
    assert.ok(Number(changes) > 0, sql);
    assert.match((await found()).join("\n"), said, sql);
    cpSync(`${file}.sound`, file);
  }
  assert.deepEqual(await found(), []);
});
