export type { AnyEvent, EventOf, EventSpec, EventSpecs, Happened } from "./event.ts";
export type { EventStream } from "./event-stream.ts";
export { StreamEvent } from "./history.ts";
export { streamProblems } from "./problems.ts";
export { projection, type Projection } from "./projection.ts";
export { RebuildReport, type Rebuild } from "./rebuild.ts";
export { stream, type SnapshotSpec, type StreamSpec, type StreamType } from "./stream.ts";
export { streams, type Streams, type StreamsGiven } from "./streams.ts";
export { projected, streamTables, type StreamDb } from "./tables.ts";
