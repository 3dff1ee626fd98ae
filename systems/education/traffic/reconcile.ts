import { twin, type Evidence, type SystemCheck } from "../../traffic/reconcile.ts";
import type { Stores } from "../../traffic/stores.ts";
import { payment, type PaymentState } from "../payments/payment.ts";
import { move, registered, type Fact } from "../registrations/registration-life.ts";

/** Education's part: every registration ended, seats and money where they belong, everybody told. */
export const educationCheck: SystemCheck = {
  name: "education",
  tables: ["registrations", "payments", "courses"],
  documents: ["notifications"],
  strangers: "course.updated",
  strangersIn: "registrations",
  gatewayOf: "HOLDFAST_PAYMENTS_GATEWAY",
  planted: {
    lost: {
      store: "registrations",
      sql: `DELETE FROM registrations WHERE "registrationId" = (SELECT "registrationId" FROM registrations LIMIT 1)`,
    },
    doubled: { store: "broker", sql: twin("registration.created") },
    unbalanced: {
      store: "courses",
      sql: `UPDATE courses SET taken = taken + 1 WHERE "courseId" = (SELECT "courseId" FROM courses LIMIT 1)`,
    },
  },
  compare(evidence) {
    const accepted = acknowledged(evidence);
    const registrations = registrationsOf(evidence.stores);
    checkEndings(evidence, accepted, registrations);
    checkMoney(evidence, registrations);
    checkStreams(evidence);
    checkSeats(evidence, registrations);
    checkTold(evidence, registrations);
    const counted = endings.map((stage) => `${String(idsOf(registrations, stage).length)} ${stage}`).join(" + ");
    return {
      compared: `${String(registrations.size)} registrations = ${counted} (${reasonsOf(evidence.stores)})`,
      accepted: accepted.length,
      references: registrations.keys(),
    };
  },
};

const endings = ["completed", "failed", "cancelled"] as const;
interface Registration {
  /** Who learns what: `user-1 100`, `guest:… 100` */
  readonly who: string;
  readonly stage: string;
  readonly amount: number;
  readonly email: string;
}
type Registrations = ReadonlyMap<string, Registration>;

const idsOf = (registrations: Registrations, ...stages: readonly string[]): string[] =>
  [...registrations].flatMap(([id, { stage }]) => (stages.includes(stage) ? [id] : []));

/** How often which. */
function reasonsOf(stores: Stores): string {
  const rows = stores.rows(
    "registrations",
    `SELECT substr(reason, 1, instr(reason || ':', ':') - 1) AS why, count(*) AS times FROM registrations WHERE reason IS NOT NULL GROUP BY why ORDER BY times DESC`,
  );
  return rows.map(({ why, times }) => `${String(why)} ${String(times)}`).join(", ");
}

function registrationsOf(stores: Stores): Registrations {
  const rows = stores.rows(
    "registrations",
    `SELECT "registrationId", ${learner} || ' ' || "courseId" AS who, stage, amount, email FROM registrations`,
  );
  return new Map(
    rows.map(({ registrationId, who, stage, amount, email }) => [
      String(registrationId),
      { who: String(who), stage: String(stage), amount: Number(amount), email: String(email) },
    ]),
  );
}

const subject = `"registrationId", "userId" || ' ' || "courseId" AS who`;
/** What a guest calls itself is nobody's id. */
const learner = `coalesce(owner, 'guest:' || "registrationId")`;

/** What the learners were told is there; an answer that nobody should get is a violation. */
function acknowledged({ answered, findings }: Evidence): readonly string[] {
  for (const { key, status, code } of answered("cancellation"))
    if (status !== 202 && code !== "registrations/failed")
      findings.violations.push(`The cancellation ${key} was answered with ${String(status)} ${code}.`);
  return answered("registration").flatMap(({ key, status, id, code }) => {
    if (status === 201) return [id];
    if (code !== "registrations/already-registered")
      findings.violations.push(`The registration ${key} was answered with ${String(status)} ${code}.`);
    return [];
  });
}

function checkEndings(
  { stores, findings, published, alone }: Evidence,
  accepted: readonly string[],
  registrations: Registrations,
): void {
  findings.equal("registrations", accepted, [...registrations.keys()], alone);
  findings.equal("registration.created", registrations.keys(), published("registration.created"));
  findings.losing(
    "registrations that have not ended",
    [...registrations].flatMap(([id, { stage }]) =>
      endings.some((each) => each === stage) ? [] : [`${id}: ${stage}`],
    ),
  );
  const told = stages(stores);
  findings.say(
    "registrations that stand otherwise than what they were told comes to",
    [...registrations].flatMap(([id, { stage }]) => (told.get(id) === stage ? [] : [`${id}: ${stage}`])),
  );
  const live = stores.rows("registrations", `SELECT ${subject} FROM "liveRegistrations"`);
  findings.equal(
    "live registrations",
    [...registrations].flatMap(([id, { stage, who }]) =>
      stage === "failed" || stage === "cancelled" ? [] : [`${id} ${who}`],
    ),
    live.map(({ registrationId, who }) => `${String(registrationId)} ${String(who)}`),
  );
  findings.say(
    "doubled live registrations of a user and a course",
    stores.column(
      "registrations",
      `SELECT ${learner} || ' ' || "courseId" FROM registrations WHERE stage NOT IN ('failed', 'cancelled') GROUP BY ${learner}, "courseId" HAVING count(*) > 1`,
    ),
  );
}

/** What their histories come to; none where an effect is not what would come of its fact. */
function stages(stores: Stores): ReadonlyMap<string, string> {
  const states = new Map<string, typeof registered>();
  const wrong = new Set<string>();
  for (const row of stores.rows("registrations", `SELECT * FROM "registrationFacts" ORDER BY id`)) {
    const [id, fact] = [String(row["registrationId"]), String(row["fact"])];
    const before = states.get(id);
    if (fact === "registered") states.set(id, registered);
    if ((fact === "registered") !== (before === undefined)) wrong.add(id);
    if (fact === "registered" || before === undefined) continue;
    // Proof: written by registrations, which knows no other facts.
    const { state, effect } = move(before, fact as Fact, typeof row["note"] === "string" ? row["note"] : "");
    if (effect !== row["effect"]) wrong.add(id);
    states.set(id, state);
  }
  return new Map([...states].flatMap(([id, { stage }]) => (wrong.has(id) ? [] : [[id, stage]])));
}

const settledAs: Readonly<Record<string, readonly string[]>> = {
  completed: ["paid"],
  failed: ["failed", "refunded", "void"],
  cancelled: ["failed", "refunded", "void"],
};

function checkMoney({ stores, findings, books }: Evidence, registrations: Registrations): void {
  const payments = stores.rows("payments", `SELECT ${subject}, state, amount FROM payments`);
  findings.equal(
    "payments",
    registrations.keys(),
    payments.map((row) => String(row["registrationId"])),
  );
  findings.say(
    "unbalanced: payments that do not stand as their registrations do",
    payments.flatMap(({ registrationId, state }) =>
      (settledAs[registrations.get(String(registrationId))?.stage ?? ""] ?? []).includes(String(state))
        ? []
        : [`${String(registrationId)}: ${String(state)}`],
    ),
  );
  findings.say(
    "unbalanced: payments of another sum, user or course than their registrations",
    payments.flatMap(({ registrationId, who, amount }) => {
      const registration = registrations.get(String(registrationId));
      const same = registration?.who === who && registration?.amount === amount;
      return same ? [] : [String(registrationId)];
    }),
  );
  findings.say(
    "payments that are shown otherwise than their events go",
    stores.column(
      "payments",
      `SELECT "registrationId" FROM payments WHERE "streamVersion" <> (SELECT count(*) FROM "streamEvents" WHERE "streamType" = 'payment' AND stream = "paymentId")`,
    ),
  );
  findings.say(
    "unbalanced: money that is not where it belongs",
    [...registrations].flatMap(([id, { stage, amount }]) =>
      (books.get(id)?.kept ?? 0) === (stage === "completed" ? amount : 0) ? [] : [id],
    ),
  );
}

/** What is shown of a payment is what its events come to, read from the first one on, without any snapshot. */
function checkStreams({ stores, findings }: Evidence): void {
  const states = new Map<string, PaymentState>();
  const unreadable: string[] = [];
  const events = `SELECT * FROM "streamEvents" WHERE "streamType" = '${payment.name}' ORDER BY stream, version`;
  for (const row of stores.rows("payments", events)) {
    const id = String(row["stream"]);
    try {
      // Proof: the columns of `streamTables`.
      const happened = payment.read(id, row as unknown as Parameters<typeof payment.read>[1]);
      states.set(id, payment.evolve(states.get(id) ?? payment.begin, happened));
    } catch (error) {
      unreadable.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  findings.say("events that nobody can read", unreadable);
  const shown = stores.rows("payments", `SELECT "paymentId", state, amount, reason FROM payments`);
  findings.equal(
    "payments that are shown",
    states.keys(),
    shown.map(({ paymentId }) => String(paymentId)),
  );
  findings.say(
    "unbalanced: payments that are shown otherwise than their events say",
    shown.flatMap(({ paymentId, state, amount, reason }) => {
      const rebuilt = states.get(String(paymentId));
      const same = rebuilt?.stage === state && (rebuilt?.ask?.total.amount ?? null) === amount;
      return same && (rebuilt?.reason ?? null) === reason ? [] : [String(paymentId)];
    }),
  );
}

function checkSeats({ stores, findings }: Evidence, registrations: Registrations): void {
  const { violations } = findings;
  const seats = stores.rows("courses", `SELECT ${subject}, "courseId" FROM seats WHERE state = 'taken'`);
  findings.equal(
    "seats",
    idsOf(registrations, "completed"),
    seats.map((row) => String(row["registrationId"])),
  );
  findings.say(
    "seats of another user or course than their registrations",
    seats.flatMap(({ registrationId, who }) =>
      registrations.get(String(registrationId))?.who === who ? [] : [String(registrationId)],
    ),
  );
  const taken = new Map<string, number>();
  for (const { courseId } of seats) taken.set(String(courseId), (taken.get(String(courseId)) ?? 0) + 1);
  for (const row of stores.rows("courses", `SELECT "courseId", seats, taken FROM courses`)) {
    const [id, counted] = [String(row["courseId"]), Number(row["taken"])];
    if (counted !== (taken.get(id) ?? 0))
      violations.push(
        `unbalanced: ${String(counted)} seats of ${id} are counted as taken, ${String(taken.get(id) ?? 0)} are.`,
      );
    if (counted > Number(row["seats"])) violations.push(`oversold: ${id}`);
  }
}

/** Who had access was welcomed, also one who cancelled later: mail is not unsent. */
function checkTold({ findings, published, told }: Evidence, registrations: Registrations): void {
  const welcomed = published("registration.completed");
  findings.equal("registration.completed", idsOf(registrations, "completed"), welcomed, false);
  const mailed = (ids: readonly string[]) => ids.map((id) => `${id} ${registrations.get(id)?.email ?? ""}`);
  findings.equal("welcomes", mailed(welcomed), told("registration-completed"));
  findings.equal("told of failures", mailed(idsOf(registrations, "failed")), told("registration-failed"));
  findings.equal("told of cancellations", mailed(published("registration.cancelled")), told("registration-cancelled"));
  findings.equal("told of refunds", mailed(published("registration.refunded")), told("registration-refunded"));
}
