import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    registrations: {
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
        email: {
          kind: "text",
        },
        owner: {
          kind: "text",
          nullable: true,
        },
        stage: {
          kind: "text",
        },
        reason: {
          kind: "text",
          nullable: true,
        },
        unpaid: {
          kind: "boolean",
        },
        amount: {
          kind: "integer",
        },
        currency: {
          kind: "text",
        },
        createdAt: {
          kind: "integer",
        },
      },
      primaryKey: ["registrationId"],
      indexes: [],
    },
    liveRegistrations: {
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
      },
      primaryKey: ["registrationId"],
      indexes: [
        {
          on: ["userId", "courseId"],
          unique: true,
        },
      ],
    },
    registrationFacts: {
      columns: {
        id: {
          kind: "integer",
          identity: true,
        },
        registrationId: {
          kind: "text",
        },
        at: {
          kind: "integer",
        },
        fact: {
          kind: "text",
        },
        effect: {
          kind: "text",
        },
        note: {
          kind: "text",
          nullable: true,
        },
      },
      primaryKey: ["id"],
      indexes: [
        {
          on: ["registrationId", "id"],
        },
      ],
    },
    knownCourses: {
      columns: {
        courseId: {
          kind: "text",
        },
        amount: {
          kind: "integer",
        },
        currency: {
          kind: "text",
        },
      },
      primaryKey: ["courseId"],
      indexes: [],
    },
  },
};
