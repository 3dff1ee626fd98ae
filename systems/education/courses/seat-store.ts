import type { State } from "./seat-life.ts";
import type { CoursesDb } from "./tables.ts";

export interface Subject {
  readonly registrationId: string;
  readonly userId: string;
  readonly courseId: string;
}

/** The seats of registrations. */
export class SeatStore {
  readonly #db: CoursesDb;

  constructor(db: CoursesDb) {
    this.#db = db;
  }

  /** Locks what is known of a registration for the rest of the unit: its payment and its cancellation may come at the same time. */
  async hear({ registrationId, userId, courseId }: Subject, at: Date): Promise<State> {
    const { state } = await this.#db
      .insertInto("seats")
      .values({ registrationId, userId, courseId, state: "unheard", since: at.getTime() })
      .onConflict((conflict) => conflict.column("registrationId").doUpdateSet({ userId, courseId }))
      .returning("state")
      .executeTakeFirstOrThrow();
    return state;
  }

  async move(registrationId: string, state: State, at: Date): Promise<void> {
    await this.#db
      .updateTable("seats")
      .set({ state, since: at.getTime() })
      .where("registrationId", "=", registrationId)
      .execute();
  }

  /** The registration by which a user may take a course, and since when; undefined where there is none. */
  async access({
    userId,
    courseId,
  }: Omit<Subject, "registrationId">): Promise<{ readonly registrationId: string; readonly since: Date } | undefined> {
    const row = await this.#db
      .selectFrom("seats")
      .select(["registrationId", "since"])
      .where("userId", "=", userId)
      .where("courseId", "=", courseId)
      .where("state", "=", "taken")
      .orderBy("since")
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? undefined : { registrationId: row.registrationId, since: new Date(row.since) };
  }
}
