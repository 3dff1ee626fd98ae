import type { Caller } from "holdfast/contract";
import { guestOf, visibleTo } from "../../visible-to.ts";
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

/** A registration and where it stands, for the rest of the unit. */
export interface Locked {
  readonly registration: Registration;
  readonly learner: string;
  readonly email: string;
  readonly state: RegistrationState;
}

/** Who learns, as other services know it: the signed-in user who registered, or this one guest. What a guest calls itself is nobody's name. */
export const learnerOf = ({
  registrationId,
  owner,
}: {
  readonly registrationId: string;
  readonly owner: string | null | undefined;
}): string => owner ?? guestOf(registrationId);

/** The registrations that the caller may see, to read and to lock. Consumers and jobs see all of them. */
export class RegistrationStore {
  readonly #db: RegistrationsDb;
  readonly #caller: Caller | undefined;

  constructor(db: RegistrationsDb, caller: Caller | undefined) {
    this.#db = db;
    this.#caller = caller;
  }

  /** Throws `registrations/already-registered` where the signed-in user has one for the course that has not ended; guests have one each. */
  async insert({ registrationId, userId, courseId, total, email, owner, at }: NewRegistration): Promise<Registration> {
    const learner = learnerOf({ registrationId, owner });
    const live = await this.#db
      .insertInto("liveRegistrations")
      .values({ registrationId, userId: learner, courseId })
      .onConflict((conflict) => conflict.columns(["userId", "courseId"]).doNothing())
      .returning("registrationId")
      .executeTakeFirst();
    if (live === undefined) throw AlreadyRegistered({ userId: learner, courseId });
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
    const row = await this.#visible().where("registrationId", "=", registrationId).executeTakeFirst();
    if (row === undefined) throw UnknownRegistration({ registrationId });
    return toRegistration(row);
  }

  /** Throws `registrations/unknown-registration` as `require` does. */
  async lock(registrationId: string): Promise<Locked> {
    const row = await this.#visible().where("registrationId", "=", registrationId).forUpdate().executeTakeFirst();
    if (row === undefined) throw UnknownRegistration({ registrationId });
    const { stage, reason, unpaid, email } = row;
    return {
      registration: toRegistration(row),
      learner: learnerOf(row),
      email,
      state: { stage, reason: reason ?? undefined, unpaid },
    };
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

  /** Every query that reads registrations begins here. */
  #visible() {
    return this.#db.selectFrom("registrations").selectAll().where(visibleTo(this.#caller));
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
