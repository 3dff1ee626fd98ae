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
        paid: {
          kind: "boolean",
        },
        reserved: {
          kind: "boolean",
        },
        reason: {
          kind: "text",
          nullable: true,
        },
        lines: {
          kind: "json",
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
      primaryKey: ["orderId"],
      indexes: [
        {
          on: ["customerId", "number"],
          unique: true,
        },
      ],
    },
    orderFacts: {
      columns: {
        id: {
          kind: "integer",
          identity: true,
        },
        orderId: {
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
          on: ["orderId", "id"],
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
    knownProducts: {
      columns: {
        sku: {
          kind: "text",
        },
        name: {
          kind: "text",
        },
        amount: {
          kind: "integer",
        },
        currency: {
          kind: "text",
        },
      },
      primaryKey: ["sku"],
      indexes: [],
    },
  },
};
