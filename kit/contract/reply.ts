import type { TSchema } from "typebox";
import type { RepliesOf } from "./contracts.ts";
import type { Value } from "./value.ts";

declare const replied: unique symbol;
/** What a handler must return: made by the `reply` that it is given, by nothing else. */
export interface Replied<E> {
  readonly [replied]: E;
}

type BodyOfReply<R> = R extends { "~kind": unknown }
  ? Value<R>
  : R extends { readonly body: infer B extends TSchema }
    ? Value<B>
    : undefined;
type HeadersOfReply<R> = R extends { "~kind": unknown }
  ? undefined
  : R extends { readonly headers: infer H extends TSchema }
    ? Value<H>
    : undefined;
type Rest<B, H> = [H] extends [undefined] ? ([B] extends [undefined] ? [] : [body: B]) : [body: B, headers: H];

export type ReplyTo<E> = <const S extends keyof RepliesOf<E> & number>(
  status: S,
  ...rest: Rest<BodyOfReply<RepliesOf<E>[S]>, HeadersOfReply<RepliesOf<E>[S]>>
) => Replied<E>;

export interface Reply<Status, Body> {
  readonly status: Status;
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
}
/** What `call` gives: one of the declared replies. */
export type ReplyOf<E> = {
  [K in keyof RepliesOf<E> & number]: Reply<K, BodyOfReply<RepliesOf<E>[K]>>;
}[keyof RepliesOf<E> & number];

/** What `Replied` is at run time. */
export interface MadeReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
export const makeReply = (status: number, body?: unknown, headers?: Readonly<Record<string, string>>): MadeReply =>
  headers === undefined ? { status, body } : { status, body, headers };
