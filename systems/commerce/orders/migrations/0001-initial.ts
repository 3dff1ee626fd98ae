import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    orders: {
      columns: {
        orderId: {
          kind: "text",
        },
        customerId: {
          kind: "text",
        },
        number: {
          kind: "integer",
        },
        owner: {
          kind: "text",
          nullable: true,
        },
        status: {
          kind: "text",
        },
        lines: {
          kind: "json",
        },
        createdAt: {
          kind: "integer",
        },
      },
      primaryKey: ["orderId"],
      indexes: [
        {
          on: ["customerId", "number"],
          unique: true,
        },
      ],
    },
    knownCustomers: {
      columns: {
        customerId: {
          kind: "text",
        },
        owner: {
          kind: "text",
          nullable: true,
        },
        orders: {
          kind: "integer",
        },
      },
      primaryKey: ["customerId"],
      indexes: [],
    },
  },
};
