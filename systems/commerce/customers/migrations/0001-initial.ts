import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    customers: {
      columns: {
        customerId: {
          kind: "text",
        },
        name: {
          kind: "text",
        },
        email: {
          kind: "text",
        },
        owner: {
          kind: "text",
          nullable: true,
        },
        createdAt: {
          kind: "integer",
        },
      },
      primaryKey: ["customerId"],
      indexes: [],
    },
  },
};
