export { sql, type SqlOptions } from "./sql.ts";
export { migrate, snapshot, type Migration, type Snapshot } from "./migrations.ts";
export type {
  Begin,
  ColumnSpec,
  Engine,
  ErrorClass,
  Insert,
  Isolation,
  MaybePromise,
  Result,
  Row,
  Session,
} from "./engine.ts";
export { isWritersFault } from "./engine.ts";
export { prepared, type Ran } from "./prepared.ts";
/** A piece of SQL with its parameters, for a condition that several queries share. Kysely calls it `sql`. */
export { sql as raw } from "kysely";
export { sqliteEngine, type SqliteOptions } from "./sqlite.ts";
export { SqliteFileError } from "./sqlite-errors.ts";
export { isUnwritable, sqliteFile, type SqliteFile, type SqliteFileOptions } from "./sqlite-file.ts";
export { writeMigration, type NewMigration } from "./snapshot.ts";
export { postgresEngine, type PostgresEngine, type PostgresOptions } from "./postgres.ts";
export {
  blob,
  boolean,
  identity,
  integer,
  json,
  real,
  table,
  text,
  timestamp,
  type Database,
  type Db,
  type Table,
  type Tables,
} from "./tables.ts";
export { envelopeColumns, envelopeNames, envelopeTable, leaseTable, storeTable } from "./kit-tables.ts";
export { CommitTime } from "./commit-time.ts";
export { LaneMeter } from "./lane-metrics.ts";
export { Conflict } from "./rejected.ts";
export { identify, requireKnown, whenMissing } from "./identity.ts";
export { fileFault, foreignStore } from "./store-fault.ts";
export { StoreGate } from "./store-gate.ts";
export { GroupWriter } from "./group-writer.ts";
export { giveUpLease, ownerIsGone, takeLease } from "./leases.ts";
export { Attempt, settled, Turn, type Asked } from "./turn.ts";
export { envelopeOf, envelopeRow, numberOf, textOf } from "./rows.ts";
