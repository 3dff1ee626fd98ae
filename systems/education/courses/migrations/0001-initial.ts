import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    courses: {
      columns: {
        courseId: {
          kind: "text",
        },
        title: {
          kind: "text",
        },
        amount: {
          kind: "integer",
        },
        currency: {
          kind: "text",
        },
        seats: {
          kind: "integer",
        },
        taken: {
          kind: "integer",
        },
      },
      primaryKey: ["courseId"],
      indexes: [],
    },
    seats: {
      columns: {
        registrationId: {
          kind: "text",
        },
        userId: {
          kind: "text",
        },
        courseId: {
          kind: "text",
        },
        state: {
          kind: "text",
        },
        since: {
          kind: "integer",
        },
      },
      primaryKey: ["registrationId"],
      indexes: [
        {
          on: ["userId", "courseId"],
        },
      ],
    },
  },
};
