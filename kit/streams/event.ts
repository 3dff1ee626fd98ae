import type { FieldError, TSchema, Value } from "../contract/index.ts";

export interface EventSpec {
  /** Raised whenever data changes so that old events do not fit any more. */
  readonly version: number;
  readonly data: TSchema;
  /** Steps from older versions: what stands under 1 takes data of version 1 and gives that of version 2. One for each older version. */
  readonly upcast?: Readonly<Record<number, (old: never) => object>>;
}
/** By their types, which are kebab-case and past tense. */
export type EventSpecs = Readonly<Record<string, EventSpec>>;

export interface AnyEvent {
  readonly type: string;
  readonly data: unknown;
}
export type EventOf<E extends EventSpecs> = {
  [K in keyof E & string]: { readonly type: K; readonly data: Value<E[K]["data"]> };
}[keyof E & string];

/** An event on record, its data as of the newest version. */
export type Happened<Event extends AnyEvent> = Event & {
  /** Its place in the stream, from 1. */
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
};

/** No value is quoted: it may be private. */
export const wordsOf = (errors: readonly FieldError[]): string =>
  errors.map(({ field, message }) => `${field === "" ? "the whole" : field} ${message}`).join(", ");
