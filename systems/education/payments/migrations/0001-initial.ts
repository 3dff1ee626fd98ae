import type { Migration } from "holdfast/sql";

export const initial: Migration = {
  name: "0001-initial",
  snapshot: {
    streamEvents: {
      columns: {
        streamType: {
          kind: "text",
        },
        stream: {
          kind: "text",
        },
        version: {
          kind: "integer",
        },
        event: {
          kind: "text",
        },
        schemaVersion: {
          kind: "integer",
        },
        eventData: {
          kind: "text",
        },
        at: {
          kind: "integer",
        },
        correlationId: {
          kind: "text",
        },
        causationId: {
          kind: "text",
        },
      },
      primaryKey: ["streamType", "stream", "version"],
      indexes: [],
    },
    streamSnapshots: {
      columns: {
        streamType: {
          kind: "text",
        },
        stream: {
          kind: "text",
        },
        version: {
          kind: "integer",
        },
        form: {
          kind: "integer",
        },
        stateData: {
          kind: "text",
        },
        checksum: {
          kind: "integer",
        },
      },
      primaryKey: ["streamType", "stream"],
      indexes: [],
    },
    streamRebuilds: {
      columns: {
        projection: {
          kind: "text",
        },
        run: {
          kind: "text",
        },
        reached: {
          kind: "text",
        },
        seen: {
          kind: "integer",
        },
        differed: {
          kind: "integer",
        },
        snapshotsDropped: {
          kind: "integer",
        },
        unreadable: {
          kind: "integer",
          default: 0,
        },
        firstUnreadable: {
          kind: "text",
          nullable: true,
        },
        startedAt: {
          kind: "integer",
        },
        endedAt: {
          kind: "integer",
          nullable: true,
        },
      },
      primaryKey: ["projection"],
      indexes: [],
    },
    payments: {
      columns: {
        paymentId: {
          kind: "text",
        },
        streamVersion: {
          kind: "integer",
        },
        state: {
          kind: "text",
        },
        registrationId: {
          kind: "text",
          nullable: true,
        },
        userId: {
          kind: "text",
          nullable: true,
        },
        courseId: {
          kind: "text",
          nullable: true,
        },
        owner: {
          kind: "text",
          nullable: true,
        },
        amount: {
          kind: "integer",
          nullable: true,
        },
        currency: {
          kind: "text",
          nullable: true,
        },
        reason: {
          kind: "text",
          nullable: true,
        },
        createdAt: {
          kind: "integer",
          nullable: true,
        },
      },
      primaryKey: ["paymentId"],
      indexes: [
        {
          on: ["registrationId"],
        },
      ],
    },
  },
};
