import { quote } from "./ddl.ts";
import type { ColumnSpec } from "./engine.ts";
import { blob, identity, integer, table, text, timestamp } from "./tables.ts";

/** An envelope in columns; `data` is text, or bytes where a foreign producer sent what is not UTF-8. */
export const envelopeTable = {
  messageId: text(),
  source: text(),
  type: text(),
  version: integer(),
  key: text(),
  time: text(),
  correlationId: text(),
  causationId: text().optional(),
  traceparent: text().optional(),
  headers: text(),
  data: text().optional(),
  bytes: blob().optional(),
};

export const leaseTable = table({ name: text().primaryKey(), owner: text(), epoch: integer(), expires: integer() });

/** The id of the store, made with it. */
export const storeTable = table({ id: text().primaryKey() });

/** What the kit keeps in every service's store. */
export const kitTables = {
  holdfast_store: storeTable,
  /** What ids and keys are derived under, in base64. One row. */
  holdfast_secret: table({ one: integer().primaryKey(), secret: text() }),
  holdfast_outbox: table({ seq: identity(), ...envelopeTable }),
  holdfast_inbox: table({ subscription: text(), messageId: text() }, { primaryKey: ["subscription", "messageId"] }),
  /** Marks of messages whose ids carry no usable time. */
  holdfast_inbox_foreign: table(
    { subscription: text(), source: text(), messageId: text(), at: timestamp() },
    { primaryKey: ["subscription", "source", "messageId"], indexes: [{ on: ["at"] }] },
  ),
  /** Messages with lower ids are too old to be told from duplicates. One row. */
  holdfast_low_water: table({ one: integer().primaryKey(), messageId: text() }),
  holdfast_keys: table(
    {
      scope: text().primaryKey(),
      fingerprint: text(),
      state: text<"reserved" | "refused" | "replied">(),
      /** Of a reservation. */
      nonce: text().optional(),
      status: integer().optional(),
      body: text().optional(),
      headers: text().optional(),
      at: timestamp(),
    },
    { indexes: [{ on: ["at"] }] },
  ),
  /** `nextAt` is null for a row that waits behind another of its key, and for one that holds its key. */
  holdfast_parked: table(
    {
      id: identity(),
      subscription: text(),
      ...envelopeTable,
      attempts: integer(),
      nextAt: timestamp().optional(),
      error: text(),
      redrive: integer(),
      claimedBy: text().optional(),
      claimedUntil: timestamp().optional(),
      deadLetter: text().optional(),
    },
    { indexes: [{ on: ["subscription", "key", "id"] }, { on: ["nextAt"] }, { on: ["subscription", "nextAt"] }] },
  ),
  holdfast_dead_letters: table(
    {
      id: text().primaryKey(),
      subscription: text(),
      ...envelopeTable,
      attempts: integer(),
      redrive: integer(),
      code: text(),
      error: text(),
      effectKeys: text(),
      state: text<"dead" | "redriven" | "handled" | "discarded">(),
      diedAt: timestamp(),
      holdsKey: integer(),
    },
    { indexes: [{ on: ["subscription", "messageId"], unique: true }, { on: ["state", "id"] }] },
  ),
  holdfast_audit: table(
    { id: identity(), deadLetter: text(), action: text(), actor: text(), note: text().optional(), at: timestamp() },
    { indexes: [{ on: ["deadLetter", "id"] }] },
  ),
  holdfast_leases: leaseTable,
  holdfast_schedules: table({ name: text().primaryKey(), pattern: text(), nextAt: timestamp() }),
};

const envelopeTypes: Readonly<Record<keyof typeof envelopeTable, ColumnSpec["type"]>> = {
  messageId: "text",
  source: "text",
  type: "text",
  version: "bigint",
  key: "text",
  time: "text",
  correlationId: "text",
  causationId: "text",
  traceparent: "text",
  headers: "text",
  data: "text",
  bytes: "bytea",
};
export const envelopeColumns: readonly ColumnSpec[] = Object.entries(envelopeTypes).map(([name, type]) => ({
  name,
  type,
}));
export const envelopeNames = envelopeColumns.map(({ name }) => quote(name)).join(", ");
