import type { Migration } from "../migrations.ts";

export const parkedBySubscription: Migration = {
  name: "0003-parked-by-subscription",
  snapshot: {
    holdfast_store: {
      columns: {
        id: {
          kind: "text",
        },
      },
      primaryKey: ["id"],
      indexes: [],
    },
    holdfast_outbox: {
      columns: {
        seq: {
          kind: "integer",
          identity: true,
        },
        messageId: {
          kind: "text",
        },
        source: {
          kind: "text",
        },
        type: {
          kind: "text",
        },
        version: {
          kind: "integer",
        },
        key: {
          kind: "text",
        },
        time: {
          kind: "text",
        },
        correlationId: {
          kind: "text",
        },
        causationId: {
          kind: "text",
          nullable: true,
        },
        traceparent: {
          kind: "text",
          nullable: true,
        },
        headers: {
          kind: "text",
        },
        data: {
          kind: "text",
          nullable: true,
        },
        bytes: {
          kind: "blob",
          nullable: true,
        },
      },
      primaryKey: ["seq"],
      indexes: [],
    },
    holdfast_inbox: {
      columns: {
        subscription: {
          kind: "text",
        },
        messageId: {
          kind: "text",
        },
      },
      primaryKey: ["subscription", "messageId"],
      indexes: [],
    },
    holdfast_inbox_foreign: {
      columns: {
        subscription: {
          kind: "text",
        },
        source: {
          kind: "text",
        },
        messageId: {
          kind: "text",
        },
        at: {
          kind: "integer",
        },
      },
      primaryKey: ["subscription", "source", "messageId"],
      indexes: [
        {
          on: ["at"],
        },
      ],
    },
    holdfast_low_water: {
      columns: {
        one: {
          kind: "integer",
        },
        messageId: {
          kind: "text",
        },
      },
      primaryKey: ["one"],
      indexes: [],
    },
    holdfast_keys: {
      columns: {
        scope: {
          kind: "text",
        },
        fingerprint: {
          kind: "text",
        },
        status: {
          kind: "integer",
        },
        body: {
          kind: "text",
          nullable: true,
        },
        headers: {
          kind: "text",
        },
        at: {
          kind: "integer",
        },
      },
      primaryKey: ["scope"],
      indexes: [
        {
          on: ["at"],
        },
      ],
    },
    holdfast_parked: {
      columns: {
        id: {
          kind: "integer",
          identity: true,
        },
        subscription: {
          kind: "text",
        },
        messageId: {
          kind: "text",
        },
        source: {
          kind: "text",
        },
        type: {
          kind: "text",
        },
        version: {
          kind: "integer",
        },
        key: {
          kind: "text",
        },
        time: {
          kind: "text",
        },
        correlationId: {
          kind: "text",
        },
        causationId: {
          kind: "text",
          nullable: true,
        },
        traceparent: {
          kind: "text",
          nullable: true,
        },
        headers: {
          kind: "text",
        },
        data: {
          kind: "text",
          nullable: true,
        },
        bytes: {
          kind: "blob",
          nullable: true,
        },
        attempts: {
          kind: "integer",
        },
        nextAt: {
          kind: "integer",
          nullable: true,
        },
        error: {
          kind: "text",
        },
        redrive: {
          kind: "integer",
        },
        claimedBy: {
          kind: "text",
          nullable: true,
        },
        claimedUntil: {
          kind: "integer",
          nullable: true,
        },
        deadLetter: {
          kind: "text",
          nullable: true,
        },
      },
      primaryKey: ["id"],
      indexes: [
        {
          on: ["subscription", "key", "id"],
        },
        {
          on: ["nextAt"],
        },
        {
          on: ["subscription", "nextAt"],
        },
      ],
    },
    holdfast_dead_letters: {
      columns: {
        id: {
          kind: "text",
        },
        subscription: {
          kind: "text",
        },
        messageId: {
          kind: "text",
        },
        source: {
          kind: "text",
        },
        type: {
          kind: "text",
        },
        version: {
          kind: "integer",
        },
        key: {
          kind: "text",
        },
        time: {
          kind: "text",
        },
        correlationId: {
          kind: "text",
        },
        causationId: {
          kind: "text",
          nullable: true,
        },
        traceparent: {
          kind: "text",
          nullable: true,
        },
        headers: {
          kind: "text",
        },
        data: {
          kind: "text",
          nullable: true,
        },
        bytes: {
          kind: "blob",
          nullable: true,
        },
        attempts: {
          kind: "integer",
        },
        redrive: {
          kind: "integer",
        },
        code: {
          kind: "text",
        },
        error: {
          kind: "text",
        },
        effectKeys: {
          kind: "text",
        },
        state: {
          kind: "text",
        },
        diedAt: {
          kind: "integer",
        },
        holdsKey: {
          kind: "integer",
        },
      },
      primaryKey: ["id"],
      indexes: [
        {
          on: ["subscription", "messageId"],
          unique: true,
        },
        {
          on: ["state", "id"],
        },
      ],
    },
    holdfast_audit: {
      columns: {
        id: {
          kind: "integer",
          identity: true,
        },
        deadLetter: {
          kind: "text",
        },
        action: {
          kind: "text",
        },
        actor: {
          kind: "text",
        },
        note: {
          kind: "text",
          nullable: true,
        },
        at: {
          kind: "integer",
        },
      },
      primaryKey: ["id"],
      indexes: [
        {
          on: ["deadLetter", "id"],
        },
      ],
    },
    holdfast_leases: {
      columns: {
        name: {
          kind: "text",
        },
        owner: {
          kind: "text",
        },
        epoch: {
          kind: "integer",
        },
        expires: {
          kind: "integer",
        },
      },
      primaryKey: ["name"],
      indexes: [],
    },
    holdfast_schedules: {
      columns: {
        name: {
          kind: "text",
        },
        pattern: {
          kind: "text",
        },
        nextAt: {
          kind: "integer",
        },
      },
      primaryKey: ["name"],
      indexes: [],
    },
  },
};
