import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { migrations } from "./migrations/index.ts";
import { tables } from "./tables.ts";
import { TopicStore } from "./topic-store.ts";

export const { handle, on, assemble } = service("topics", {
  store: sql({ tables, migrations }),
  scope: ({ db }) => ({ topics: new TopicStore(db) }),
});
