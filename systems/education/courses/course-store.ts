import type { Money } from "../../money.ts";
import { BelowTaken, UnknownCourse, type Course } from "./contracts.ts";
import type { CoursesDb } from "./tables.ts";

export class CourseStore {
  readonly #db: CoursesDb;

  constructor(db: CoursesDb) {
    this.#db = db;
  }

  /** A new course, or an old one as it is wanted now. Throws `courses/below-taken`. */
  async put({ courseId, title, price, seats }: Omit<Course, "taken">): Promise<Course> {
    const { amount, currency } = price;
    const row = await this.#db
      .insertInto("courses")
      .values({ courseId, title, amount, currency, seats, taken: 0 })
      .onConflict((conflict) =>
        conflict.column("courseId").doUpdateSet({ title, amount, currency, seats }).where("courses.taken", "<=", seats),
      )
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) throw BelowTaken({ courseId, seats, taken: (await this.require(courseId)).taken });
    return toCourse(row);
  }

  /** Throws `courses/unknown-course`. */
  async require(courseId: string): Promise<Course> {
    const row = await this.#db.selectFrom("courses").selectAll().where("courseId", "=", courseId).executeTakeFirst();
    if (row === undefined) throw UnknownCourse({ courseId });
    return toCourse(row);
  }

  /** By id, `limit` at most, those after `after`. */
  async list({ after, limit }: { readonly after: string | undefined; readonly limit: number }): Promise<Course[]> {
    const rows = await this.#db
      .selectFrom("courses")
      .selectAll()
      .$if(after !== undefined, (query) => query.where("courseId", ">", after ?? ""))
      .orderBy("courseId")
      .limit(limit)
      .execute();
    return rows.map(toCourse);
  }

  /** For the rest of the unit. */
  async lock(courseId: string): Promise<Course | undefined> {
    const row = await this.#db
      .selectFrom("courses")
      .selectAll()
      .where("courseId", "=", courseId)
      .forUpdate()
      .executeTakeFirst();
    return row === undefined ? undefined : toCourse(row);
  }

  /** One seat more is taken of a course that the unit has locked, or one less. */
  async count(courseId: string, change: 1 | -1): Promise<void> {
    await this.#db
      .updateTable("courses")
      .set((at) => ({ taken: at("taken", "+", change) }))
      .where("courseId", "=", courseId)
      .execute();
  }
}

interface CourseRow extends Omit<Course, "price">, Money {}

const toCourse = ({ courseId, title, amount, currency, seats, taken }: CourseRow): Course => ({
  courseId,
  title,
  price: { amount, currency },
  seats,
  taken,
});
