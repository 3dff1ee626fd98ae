import { integer, table, text, timestamp, type Db } from "holdfast/sql";
import type { State } from "./seat-life.ts";

export const tables = {
  courses: table({
    courseId: text().primaryKey(),
    title: text(),
    amount: integer(),
    currency: text(),
    seats: integer(),
    /** How many seats of registrations are `taken`: the row that those who want one queue up on. */
    taken: integer(),
  }),
  /** What became of each registration that was heard of. A released one stays: whatever is heard of it later gets no seat. */
  seats: table(
    {
      registrationId: text().primaryKey(),
      userId: text(),
      courseId: text(),
      state: text<State>(),
      /** Since when it is so. */
      since: timestamp(),
    },
    { indexes: [{ on: ["userId", "courseId"] }] },
  ),
};
export type CoursesDb = Db<typeof tables>;
