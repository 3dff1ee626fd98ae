import { prepared } from "../sql/index.ts";
import type { StreamDb } from "./tables.ts";

/** So many events are read at a time. */
export const eventsAtATime = 1_000;

interface Of {
  readonly streamType: string;
  readonly stream: string;
}

/** Events of one stream after a version, oldest first. */
export const eventsAfter = prepared(
  (db: StreamDb, { streamType, stream, version }: Of & { readonly version: number }) =>
    db
      .selectFrom("streamEvents")
      .select(["version", "event", "schemaVersion", "eventData", "at"])
      .where("streamType", "=", streamType)
      .where("stream", "=", stream)
      .where("version", ">", version)
      .orderBy("version")
      .limit(eventsAtATime),
);

export interface NewEvent extends Of {
  readonly version: number;
  readonly event: string;
  readonly schemaVersion: number;
  readonly eventData: string;
  readonly at: number;
  readonly correlationId: string;
  readonly causationId: string;
}
/** No change: somebody else was first with this version. */
export const addEvent = prepared((db: StreamDb, event: NewEvent) =>
  db
    .insertInto("streamEvents")
    .values({
      streamType: event.streamType,
      stream: event.stream,
      version: event.version,
      event: event.event,
      schemaVersion: event.schemaVersion,
      eventData: event.eventData,
      at: event.at,
      correlationId: event.correlationId,
      causationId: event.causationId,
    })
    .onConflict((conflict) => conflict.columns(["streamType", "stream", "version"]).doNothing()),
);

export const snapshotOf = prepared((db: StreamDb, { streamType, stream }: Of) =>
  db
    .selectFrom("streamSnapshots")
    .select(["version", "form", "stateData", "checksum"])
    .where("streamType", "=", streamType)
    .where("stream", "=", stream),
);

export interface NewSnapshot extends Of {
  readonly version: number;
  readonly form: number;
  readonly stateData: string;
  readonly checksum: number;
}
export const keepSnapshot = prepared((db: StreamDb, row: NewSnapshot) =>
  db
    .insertInto("streamSnapshots")
    .values({
      streamType: row.streamType,
      stream: row.stream,
      version: row.version,
      form: row.form,
      stateData: row.stateData,
      checksum: row.checksum,
    })
    .onConflict((conflict) =>
      conflict.columns(["streamType", "stream"]).doUpdateSet((set) => ({
        version: set.ref("excluded.version"),
        form: set.ref("excluded.form"),
        stateData: set.ref("excluded.stateData"),
        checksum: set.ref("excluded.checksum"),
      })),
    ),
);
