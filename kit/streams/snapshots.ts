import { crc32 } from "node:zlib";
import type { AnyEvent } from "./event.ts";
import { keepSnapshot, snapshotOf } from "./statements.ts";
import type { StreamType } from "./stream.ts";
import type { StreamDb } from "./tables.ts";

export interface Folded<State> {
  readonly state: State;
  readonly version: number;
}

/** Detects what was damaged, not what was forged. */
const checksum = (...parts: readonly (string | number)[]): number => crc32(parts.join("\n"));

/** Undefined where there is none, or none that can be relied on: of another form, damaged, or not fitting the state. */
export async function readSnapshot<Event extends AnyEvent, State>(
  db: StreamDb,
  { name, snapshot, misfit }: StreamType<Event, State>,
  stream: string,
): Promise<Folded<State> | undefined> {
  const [row] = (await snapshotOf(db, { streamType: name, stream })).rows;
  if (row === undefined || row.form !== snapshot?.form) return undefined;
  if (row.checksum !== checksum(name, stream, row.version, row.form, row.stateData)) return undefined;
  const state: unknown = JSON.parse(row.stateData); // Written as JSON, as the checksum says.
  if (misfit(state) !== undefined) return undefined;
  return { state: state as State, version: row.version }; // Proof: it fits the schema of the state.
}

export async function writeSnapshot<Event extends AnyEvent, State>(
  db: StreamDb,
  { name, snapshot }: StreamType<Event, State>,
  stream: string,
  { state, version }: Folded<State>,
): Promise<void> {
  if (snapshot === undefined) return;
  const { form } = snapshot;
  const stateData = JSON.stringify(state);
  const row = { streamType: name, stream, version, form, stateData };
  await keepSnapshot(db, { ...row, checksum: checksum(name, stream, version, form, stateData) });
}
