import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    notes: {
      columns: {
        noteId: {
          kind: "text",
        },
        topic: {
          kind: "text",
        },
        text: {
          kind: "text",
        },
        takenAt: {
          kind: "integer",
        },
      },
      primaryKey: ["noteId"],
      indexes: [],
    },
  },
};
