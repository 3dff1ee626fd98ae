import type { Caller } from "holdfast/contract";
import { isVisibleTo } from "../../visible-to.ts";
import { AlreadyRegistered, UnknownRegistration, type Registration, type RegistrationFact } from "./contracts.ts";
import { hasEnded, registered, type RegistrationState } from "./registration-life.ts";
import type { RegistrationsDb } from "./tables.ts";

export interface Told extends Pick<RegistrationFact, "fact" | "effect"> {
  readonly at: Date;
  readonly note: string;
}

export interface NewRegistration extends Pick<Registration, "registrationId" | "userId" | "courseId" | "total"> {
  readonly email: string;
  readonly owner: string | undefined;
  readonly at: Date;
}

/** A registration as the service itself sees it, which asks for nobody. */
export interface Locked {
  readonly registration: Registration;
  readonly email: string;
  readonly state: RegistrationState;
}

/** The registrations that the caller may see. */
export class RegistrationStore {
  readonly #db: RegistrationsDb;
  readonly #caller: Caller | undefined;

  constructor(db: RegistrationsDb, caller: Caller | undefined) {
    this.#db = db;
    this.#caller = caller;
  }

  /** Throws `registrations/already-registered` where the user has one for the course that has not ended. */
  async insert({ registrationId, userId, courseId, total, email, owner, at }: NewRegistration): Promise<Registration> {
    const live = await this.#db
      .insertInto("liveRegistrations")
      .values({ registrationId, userId, courseId })
      .onConflict((conflict) => conflict.columns(["userId", "courseId"]).doNothing())
      .returning("registrationId")
      .executeTakeFirst();
    if (live === undefined) throw AlreadyRegistered({ userId, courseId });
    const { stage, unpaid } = registered;
    const row = {
      registrationId,
      userId,
      courseId,
      email,
      owner: owner ?? null,
      stage,
      reason: null,
      unpaid,
      ...total,
      createdAt: at.getTime(),
    };
    await this.#db.insertInto("registrations").values(row).execute();
    await this.#record(registrationId, { at, fact: "registered", effect: "noted", note: "" });
    return toRegistration(row);
  }

  /** Throws `registrations/unknown-registration` alike for what is absent and what is someone else's. */
  async require(registrationId: string): Promise<Registration> {
    const row = await this.#db
      .selectFrom("registrations")
      .selectAll()
      .where("registrationId", "=", registrationId)
      .executeTakeFirst();
    if (row === undefined || !isVisibleTo(this.#caller, row.owner)) throw UnknownRegistration({ registrationId });
    return toRegistration(row);
  }

  /** For the rest of the unit. */
  async lock(registrationId: string): Promise<Locked> {
    const row = await this.#db
      .selectFrom("registrations")
      .selectAll()
      .where("registrationId", "=", registrationId)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw UnknownRegistration({ registrationId });
    const { stage, reason, unpaid, email } = row;
    return { registration: toRegistration(row), email, state: { stage, reason: reason ?? undefined, unpaid } };
  }

  async move(registrationId: string, state: RegistrationState, told: Told): Promise<void> {
    await this.#record(registrationId, told);
    const { stage, reason, unpaid } = state;
    await this.#db
      .updateTable("registrations")
      .set({ stage, reason: reason ?? null, unpaid })
      .where("registrationId", "=", registrationId)
      .execute();
    if (hasEnded(state))
      await this.#db.deleteFrom("liveRegistrations").where("registrationId", "=", registrationId).execute();
  }

  async history(registrationId: string): Promise<RegistrationFact[]> {
    await this.require(registrationId);
    const rows = await this.#db
      .selectFrom("registrationFacts")
      .selectAll()
      .where("registrationId", "=", registrationId)
      .orderBy("id")
      .execute();
    return rows.map(({ at, fact, effect, note }) => ({
      at: new Date(at).toISOString(),
      fact,
      effect,
      ...(note === null ? {} : { note }),
    }));
  }

  async #record(registrationId: string, { at, fact, effect, note }: Told): Promise<void> {
    await this.#db
      .insertInto("registrationFacts")
      .values({ registrationId, at: at.getTime(), fact, effect, note: note === "" ? null : note })
      .execute();
  }
}

interface RegistrationRow extends Omit<Registration, "createdAt" | "total" | "reason"> {
  readonly amount: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly createdAt: number;
}

const toRegistration = (row: RegistrationRow): Registration => ({
  registrationId: row.registrationId,
  userId: row.userId,
  courseId: row.courseId,
  stage: row.stage,
  ...(row.reason === null ? {} : { reason: row.reason }),
  total: { amount: row.amount, currency: row.currency },
  createdAt: new Date(row.createdAt).toISOString(),
});
