import {
  envelopeTable,
  identity,
  integer,
  leaseTable,
  snapshot,
  storeTable,
  table,
  text,
  timestamp,
  type Migration,
} from "../sql/index.ts";

/** The file of the embedded broker. */
const tables = {
  log: table({ offset: identity(), ...envelopeTable, at: timestamp() }, { indexes: [{ on: ["type", "offset"] }] }),
  positions: table({ group: text(), topic: text(), offset: integer() }, { primaryKey: ["group", "topic"] }),
  producers: table({ name: text().primaryKey(), epoch: integer() }),
  holdfast_leases: leaseTable,
};

export const brokerMigrations: readonly Migration[] = [
  { name: "0001-initial", snapshot: snapshot(tables) },
  { name: "0002-identity", snapshot: snapshot({ ...tables, holdfast_store: storeTable }) },
];
