import { compile } from "../contract/index.ts";
import { wordsOf, type AnyEvent, type EventSpecs, type Happened } from "./event.ts";
import { streamProblems } from "./problems.ts";

/** A row of `streamEvents`, as far as its event goes. */
export interface EventRow {
  readonly version: number;
  readonly event: string;
  readonly schemaVersion: number;
  readonly eventData: string;
  readonly at: number;
}

/** Throws `kit/stream-newer` for what this code does not know, `kit/stream-unreadable` for what does not fit. */
export type ReadEvent<Event extends AnyEvent> = (stream: string, row: EventRow) => Happened<Event>;

/**
 * Reads events of any version that there ever was, step by step up to the newest, and checks what comes of it. Unknown fields are let pass: an instance
 * that is older may have to read what a newer one wrote.
 */
export function eventReader<Event extends AnyEvent>(streamType: string, events: EventSpecs): ReadEvent<Event> {
  const readers = new Map(
    Object.entries(events).map(([type, { version, data, upcast = {} }]) => {
      const steps = Array.from({ length: version - 1 }, (_, at) => upcast[at + 1]);
      return [type, { version, steps, form: compile(data, { open: true }) }];
    }),
  );
  return (stream, row) => {
    const { version, event, schemaVersion, at } = row;
    const unreadable = (reason: string, cause?: unknown) =>
      streamProblems.unreadable({ streamType, stream, version, event, schemaVersion, reason }, { cause });
    const reader = readers.get(event);
    // While instances are exchanged one by one, newer ones write what older ones do not know: those try again, and leave it to them.
    if (reader === undefined || schemaVersion > reader.version)
      throw streamProblems.newer({ streamType, stream, version, event, schemaVersion });
    if (schemaVersion < 1) throw unreadable("there is no such version");
    let data: unknown;
    try {
      data = JSON.parse(row.eventData);
      // Proof: each step takes what the version before had, which its author declared.
      for (const step of reader.steps.slice(schemaVersion - 1)) data = step?.(data as never);
    } catch (error) {
      throw unreadable("it is no JSON, or could not be upcast", error);
    }
    if (!reader.form.check(data)) throw unreadable(`it does not fit: ${wordsOf(reader.form.errors(data))}`);
    return { type: event, data, version, at } as Happened<Event>; // Proof: checked against the schema of this event.
  };
}
