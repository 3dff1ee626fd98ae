import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { CourseStore } from "./course-store.ts";
import { migrations } from "./migrations/index.ts";
import { SeatStore } from "./seat-store.ts";
import { tables } from "./tables.ts";

export const { handle, on, assemble } = service("courses", {
  store: sql({ tables, migrations, isolation: "read committed" }),
  scope: ({ db }) => ({ courses: new CourseStore(db), seats: new SeatStore(db) }),
});
