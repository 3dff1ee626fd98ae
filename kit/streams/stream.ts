import { compile, schemaFaults, type TSchema, type Value } from "../contract/index.ts";
import { wordsOf, type AnyEvent, type EventOf, type EventSpecs, type Happened } from "./event.ts";
import { eventReader, type ReadEvent } from "./reading.ts";

export interface SnapshotSpec {
  /** Raised whenever `evolve` or the state changes: snapshots of another form are passed over. */
  readonly form: number;
  /** A snapshot is written each time the stream has so many events more. */
  readonly every: number;
}

export interface StreamSpec<E extends EventSpecs, S extends TSchema> {
  readonly events: E;
  readonly state: S;
  /** The state of a stream without events. */
  readonly begin: Value<S>;
  /** Pure, and total: any event may follow any state, as what is recorded has happened. */
  readonly evolve: (state: Value<S>, event: Happened<EventOf<E>>) => Value<S>;
  /** @default none: a state is made of all events */
  readonly snapshot?: SnapshotSpec;
}

/** A kind of streams; made by `stream`. */
export interface StreamType<Event extends AnyEvent, State> {
  readonly kind: "stream";
  readonly name: string;
  readonly begin: State;
  evolve(state: State, event: Happened<Event>): State;
  /** Throws where the event is none of this stream's or its data does not fit. */
  write(event: Event): { readonly schemaVersion: number; readonly eventData: string };
  /** Throws `kit/stream-unreadable` and `kit/stream-newer`. */
  readonly read: ReadEvent<Event>;
  readonly snapshot: SnapshotSpec | undefined;
  /** What does not fit, as words; undefined where all does. */
  misfit(state: unknown): string | undefined;
}

/**
 * Declares a kind of streams: the facts that it is made of, and the state that they come to. Throws where the declaration does not hold together, with
 * every fault.
 */
export function stream<const E extends EventSpecs, const S extends TSchema>(
  name: string,
  { events, state, begin, evolve, snapshot }: StreamSpec<E, S>,
): StreamType<EventOf<E>, Value<S>> {
  const faults = specFaults(name, { events, state, snapshot });
  const states = faults.length > 0 ? undefined : compile(state, { open: false });
  const misfit = (value: unknown) =>
    states === undefined || states.check(value) ? undefined : wordsOf(states.errors(value));
  const wrong = misfit(begin);
  if (wrong !== undefined) faults.push(`\`begin\` does not fit the state: ${wrong}`);
  if (faults.length > 0) throw new Error(`The stream "${name}" cannot be: ${faults.join("; ")}.`);
  const writers = new Map(
    Object.entries(events).map(([type, { version, data }]) => [
      type,
      { version, form: compile(data, { open: false }) },
    ]),
  );
  return {
    kind: "stream",
    name,
    begin,
    evolve,
    snapshot,
    misfit,
    read: eventReader<EventOf<E>>(name, events),
    write({ type, data }) {
      const writer = writers.get(type);
      if (writer === undefined) throw new Error(`The stream "${name}" has no event "${type}".`);
      if (!writer.form.check(data))
        throw new Error(
          `The event "${type}" of the stream "${name}" does not fit: ${wordsOf(writer.form.errors(data))}.`,
        );
      return { schemaVersion: writer.version, eventData: JSON.stringify(data) };
    },
  };
}

const wellNamed = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const counts = (value: number) => Number.isSafeInteger(value) && value >= 1;

function specFaults(
  name: string,
  {
    events,
    state,
    snapshot,
  }: { readonly events: EventSpecs; readonly state: TSchema; readonly snapshot: SnapshotSpec | undefined },
): string[] {
  const faults: string[] = [];
  if (!wellNamed.test(name)) faults.push("its name is not kebab-case");
  faults.push(...schemaFaults(state).map((fault) => `of the state, ${fault}`));
  if (snapshot !== undefined && !(counts(snapshot.form) && counts(snapshot.every)))
    faults.push("`form` and `every` of a snapshot are whole numbers from 1");
  for (const [type, { version, data, upcast = {} }] of Object.entries(events)) {
    if (!wellNamed.test(type)) faults.push(`the event "${type}" is not named in kebab-case`);
    if (!counts(version)) faults.push(`the version of "${type}" is no whole number from 1`);
    faults.push(...schemaFaults(data).map((fault) => `of "${type}", ${fault}`));
    const steps = Object.keys(upcast).map(Number);
    for (let from = 1; from < version; from += 1)
      if (!steps.includes(from)) faults.push(`"${type}" has no step that upcasts version ${String(from)}`);
    for (const step of steps)
      if (!counts(step) || step >= version)
        faults.push(`"${type}" upcasts version ${String(step)}, and is at ${String(version)}`);
  }
  return faults;
}
