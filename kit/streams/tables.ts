import { integer, table, text, timestamp, type Db } from "../sql/index.ts";

/** What streams are kept in: spread into a service's own tables, and migrated with them. JSON is kept as the text that was written. */
export const streamTables = {
  /** Only ever added to. */
  streamEvents: table(
    {
      streamType: text(),
      stream: text(),
      /** 1 for the first event of a stream, without holes. */
      version: integer(),
      event: text(),
      schemaVersion: integer(),
      eventData: text(),
      at: timestamp(),
      correlationId: text(),
      causationId: text(),
    },
    { primaryKey: ["streamType", "stream", "version"] },
  ),
  /** Saves reading: nothing is lost with a row. */
  streamSnapshots: table(
    { streamType: text(), stream: text(), version: integer(), form: integer(), stateData: text(), checksum: integer() },
    { primaryKey: ["streamType", "stream"] },
  ),
  /** The last rebuild of each projection. */
  streamRebuilds: table({
    projection: text().primaryKey(),
    run: text(),
    /** The last stream that was looked at. */
    reached: text(),
    seen: integer(),
    differed: integer(),
    snapshotsDropped: integer(),
    unreadable: integer().defaultTo(0),
    firstUnreadable: text().optional(),
    startedAt: timestamp(),
    endedAt: timestamp().optional(),
  }),
};
export type StreamDb = Db<typeof streamTables>;

/** A column that the table of a projection has besides its own: which version of the stream a row tells of. */
export const projected = { streamVersion: integer() };
