import { boolean, identity, integer, table, text, timestamp, type Db } from "holdfast/sql";
import type { RegistrationFact } from "./contracts.ts";
import type { Stage } from "./registration-life.ts";

export const tables = {
  registrations: table({
    registrationId: text().primaryKey(),
    userId: text(),
    courseId: text(),
    email: text(),
    /** The signed-in user who registered; null for a guest's. */
    owner: text().optional(),
    stage: text<Stage>(),
    reason: text().optional(),
    unpaid: boolean(),
    amount: integer(),
    currency: text(),
    createdAt: timestamp(),
  }),
  /** The registrations that have not ended: one a user and course, on which those who register at the same time queue up. */
  liveRegistrations: table(
    { registrationId: text().primaryKey(), userId: text(), courseId: text() },
    { indexes: [{ on: ["userId", "courseId"], unique: true }] },
  ),
  /** What came to a registration's ears, and what it did to it: nothing is thrown away. */
  registrationFacts: table(
    {
      id: identity(),
      registrationId: text(),
      at: timestamp(),
      fact: text<RegistrationFact["fact"]>(),
      effect: text<RegistrationFact["effect"]>(),
      note: text().optional(),
    },
    { indexes: [{ on: ["registrationId", "id"] }] },
  ),
  /** What registrations knows of courses, learnt from `course.updated` or by asking. */
  knownCourses: table({ courseId: text().primaryKey(), amount: integer(), currency: text() }),
};
export type RegistrationsDb = Db<typeof tables>;
