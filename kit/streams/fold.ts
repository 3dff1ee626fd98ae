import type { AnyEvent } from "./event.ts";
import { streamProblems } from "./problems.ts";
import { readSnapshot, type Folded } from "./snapshots.ts";
import { eventsAfter, eventsAtATime } from "./statements.ts";
import type { StreamType } from "./stream.ts";
import type { StreamDb } from "./tables.ts";

export type { Folded } from "./snapshots.ts";

/** The state that a stream has come to, from its last snapshot on. Throws `kit/stream-unreadable` and `kit/stream-newer`. */
export async function fold<Event extends AnyEvent, State>(
  db: StreamDb,
  type: StreamType<Event, State>,
  stream: string,
): Promise<Folded<State>> {
  const from = type.snapshot === undefined ? undefined : await readSnapshot(db, type, stream);
  return foldOn(db, type, stream, from);
}

/** The same of all events, whatever a snapshot says. `passing` is told of each version. */
export async function foldOn<Event extends AnyEvent, State>(
  db: StreamDb,
  type: StreamType<Event, State>,
  stream: string,
  from: Folded<State> = { state: type.begin, version: 0 },
  passing?: (at: Folded<State>) => void,
): Promise<Folded<State>> {
  let { state, version } = from;
  for (;;) {
    const { rows } = await eventsAfter(db, { streamType: type.name, stream, version });
    for (const row of rows) {
      if (row.version !== version + 1)
        throw streamProblems.unreadable({
          streamType: type.name,
          stream,
          version: version + 1,
          event: "an event",
          schemaVersion: 0,
          reason: "it is missing",
        });
      state = type.evolve(state, type.read(stream, row));
      version = row.version;
      passing?.({ state, version });
    }
    if (rows.length < eventsAtATime) return { state, version };
  }
}
