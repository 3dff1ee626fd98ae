import type { Money } from "../../money.ts";
import { UnknownCourse } from "./contracts.ts";
import type { RegistrationsDb } from "./tables.ts";

export interface KnownCourse {
  readonly courseId: string;
  readonly price: Money;
}

/** The courses that there are, and what they cost. */
export class KnownCourses {
  readonly #db: RegistrationsDb;

  constructor(db: RegistrationsDb) {
    this.#db = db;
  }

  async find(courseId: string): Promise<Money | undefined> {
    return this.#db
      .selectFrom("knownCourses")
      .select(["amount", "currency"])
      .where("courseId", "=", courseId)
      .executeTakeFirst();
  }

  /** What it costs now; throws `registrations/unknown-course`. */
  async price(courseId: string): Promise<Money> {
    const price = await this.find(courseId);
    if (price === undefined) throw UnknownCourse({ courseId });
    return price;
  }

  /** What `course.updated` says. */
  async learn({ courseId, price: { amount, currency } }: KnownCourse): Promise<void> {
    await this.#db
      .insertInto("knownCourses")
      .values({ courseId, amount, currency })
      .onConflict((conflict) => conflict.column("courseId").doUpdateSet({ amount, currency }))
      .execute();
  }

  /** Keeps what is known already: it is newer than any answer. */
  async remember({ courseId, price: { amount, currency } }: KnownCourse): Promise<void> {
    await this.#db
      .insertInto("knownCourses")
      .values({ courseId, amount, currency })
      .onConflict((conflict) => conflict.column("courseId").doNothing())
      .execute();
  }
}
