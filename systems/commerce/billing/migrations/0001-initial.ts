import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    invoices: {
      columns: {
        orderId: {
          kind: "text",
        },
        invoiceId: {
          kind: "text",
        },
        customerId: {
          kind: "text",
        },
        owner: {
          kind: "text",
          nullable: true,
        },
        amount: {
          kind: "integer",
        },
        currency: {
          kind: "text",
        },
        paymentMethod: {
          kind: "text",
        },
        state: {
          kind: "text",
        },
        chargeId: {
          kind: "text",
          nullable: true,
        },
        reason: {
          kind: "text",
          nullable: true,
        },
        createdAt: {
          kind: "integer",
        },
      },
      primaryKey: ["orderId"],
      indexes: [],
    },
    heardOrders: {
      columns: {
        orderId: {
          kind: "text",
        },
        rejection: {
          kind: "text",
          nullable: true,
        },
      },
      primaryKey: ["orderId"],
      indexes: [],
    },
  },
};
