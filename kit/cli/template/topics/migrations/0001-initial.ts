import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    topics: {
      columns: {
        topic: {
          kind: "text",
        },
        notes: {
          kind: "integer",
        },
        latest: {
          kind: "text",
        },
      },
      primaryKey: ["topic"],
      indexes: [],
    },
  },
};
