import { Type as t, type TSchema } from "typebox";
import { makeProblem, type AnyProblem, type Problem, type ProblemSpec } from "./problem.ts";
import type { Value } from "./value.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Access = "anyone" | "user" | "operator" | "service";
export interface User {
  readonly kind: "user";
  readonly id: string;
  readonly roles: readonly string[];
}
/** Whoever asks without a token. */
export interface Guest {
  readonly kind: "guest";
}
export interface ServiceIdentity {
  readonly kind: "service";
  readonly name: string;
  /** Who asked the calling service. Absent where it acts in its own name: in a consumer, a job, or by a token of its own. */
  readonly onBehalfOf?: User | Guest;
}
export type Caller = User | ServiceIdentity;

/** A reply's schema, or the longer form with headers. Without a body: `noContent`. */
export interface ReplySpec {
  readonly body?: TSchema;
  readonly headers?: TSchema;
}
export interface EndpointSpec {
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  /** Takes an Idempotency-Key: repeats under one key get the reply of the first, for 24 hours. POST and PATCH only. */
  readonly idempotent?: true;
  /** @default each name of the path is a string of 1 to 200 characters */
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly headers?: TSchema;
  /** A schema of JSON, or `bytes(…)`. */
  readonly body?: TSchema;
  readonly replies: Readonly<Record<number, TSchema | ReplySpec>>;
  readonly problems?: readonly AnyProblem[];
  readonly deprecated?: { /** RFC 3339 date */ readonly sunset?: string; readonly instead?: string };
  readonly limits?: {
    /** @default 262144 */ readonly bodyBytes?: number;
    /** @default 10000 */ readonly timeoutMs?: number;
  };
}
export interface Endpoint<Route extends string = string, Spec extends EndpointSpec = EndpointSpec> {
  readonly kind: "endpoint";
  readonly owner: string;
  readonly route: Route;
  readonly method: Method;
  readonly path: string;
  readonly spec: Spec;
}

type StringKeys<T> = { [K in keyof T]: T[K] extends string ? K : never }[keyof T] & string;
export interface EventSpec<D extends TSchema> {
  /** Major version; consumers of another one send the message to the dead letters. */
  readonly version: number;
  /** Messages with the same value of this field are handled in order. */
  readonly key: StringKeys<Value<D>>;
  readonly summary: string;
  readonly data: D;
}
export interface EventContract<Name extends string = string, D extends TSchema = TSchema> {
  readonly kind: "event";
  readonly owner: string;
  /** Events of one exchange travel by one broker. */
  readonly exchange: string;
  /** Its routing key, too. */
  readonly name: Name;
  readonly version: number;
  readonly key: string;
  readonly summary: string;
  readonly data: D;
}
export interface JobSpec<D extends TSchema> {
  /** Major version: jobs of another one that still wait go to the dead letters. @default 1 */
  readonly version?: number;
  readonly summary: string;
  readonly data: D;
}
/** What a service asks of itself: for later, again and again, or because it needs the world. Nobody else can enqueue it. */
export interface JobContract<Name extends string = string, D extends TSchema = TSchema> {
  readonly kind: "job";
  readonly owner: string;
  readonly name: Name;
  readonly version: number;
  readonly summary: string;
  readonly data: D;
}
export type Contract = Endpoint | EventContract | AnyProblem;

export interface Contracts {
  readonly endpoint: <const R extends `${Method} /${string}`, const S extends EndpointSpec>(
    route: R,
    spec: S,
  ) => Endpoint<R, S>;
  readonly event: <const N extends string, D extends TSchema>(name: N, spec: EventSpec<D>) => EventContract<N, D>;
  readonly job: <const N extends string, D extends TSchema>(name: N, spec: JobSpec<D>) => JobContract<N, D>;
  readonly problem: <const C extends string, F extends TSchema>(code: C, spec: ProblemSpec<F>) => Problem<C, F>;
}

export interface ContractsOptions {
  /** Of the events: one exchange can travel by another broker than the next. @default "holdfast" */
  readonly exchange?: string;
}

/** Contracts know their owner: a caller in another process finds the service by it. */
export function contracts(owner: string, { exchange = "holdfast" }: ContractsOptions = {}): Contracts {
  return {
    endpoint: (route, spec) => {
      const at = route.indexOf(" ");
      // Proof: the type of `route` begins with a method and a space.
      return { kind: "endpoint", owner, route, method: route.slice(0, at) as Method, path: route.slice(at + 1), spec };
    },
    event: (name, spec) => ({ kind: "event", owner, exchange, name, ...spec }),
    job: (name, spec) => ({ kind: "job", owner, name, version: 1, ...spec }),
    problem: (code, spec) => makeProblem(owner, code, spec),
  };
}

/** 204 and its kin. */
export const noContent: ReplySpec = {};

export const pathNames = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");

/** The schema of the path's names, given or by default. */
export function paramsSchema({ path, spec }: Endpoint): TSchema {
  return (
    spec.params ??
    t.Object(Object.fromEntries(pathNames(path).map((name) => [name, t.String({ minLength: 1, maxLength: 200 })])))
  );
}

/** Body and headers of a reply, whichever form it was declared in. */
export function replySpec(reply: TSchema | ReplySpec): ReplySpec {
  return "~kind" in reply ? { body: reply } : reply;
}

type ParamNames<P extends string> = P extends `${string}{${infer N}}${infer Rest}` ? N | ParamNames<Rest> : never;
type SpecOf<E> = E extends Endpoint<infer _, infer S> ? S : never;
type Part<S, K extends string> = S extends { readonly [P in K]: infer X extends TSchema } ? Value<X> : undefined;
export type ParamsOf<E> =
  SpecOf<E> extends { readonly params: infer P extends TSchema }
    ? Value<P>
    : E extends Endpoint<infer R, infer _>
      ? { readonly [N in ParamNames<R>]: string }
      : never;
export type BodyOf<E> = Part<SpecOf<E>, "body">;
export type QueryOf<E> = Part<SpecOf<E>, "query">;
export type HeadersOf<E> = Part<SpecOf<E>, "headers">;
export type RepliesOf<E> = SpecOf<E>["replies"];
export type CallerOf<E> = SpecOf<E>["access"] extends "user" | "operator"
  ? User
  : SpecOf<E>["access"] extends "service"
    ? ServiceIdentity
    : Caller | undefined;
export type EventData<E> = E extends EventContract<infer _, infer D> ? Value<D> : never;
export type JobData<J> = J extends JobContract<infer _, infer D> ? Value<D> : never;
