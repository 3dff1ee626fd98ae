import type { TSchema } from "typebox";
import type { Value } from "./value.ts";

export interface ProblemOptions {
  readonly cause?: unknown;
  /** Headers of the reply, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether this very request may be repeated. @default what the problem says */
  readonly retryable?: boolean;
}

/** Any problem, its facts unknown. */
export interface AnyProblem {
  (facts: never, options?: ProblemOptions): ProblemError;
  readonly kind: "problem";
  readonly owner: string;
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly summary: string;
  readonly facts: TSchema;
}

/** A refusal that clients can rely on: its code is never reused. Throwing what it makes rolls the unit of work back. */
export interface Problem<Code extends string = string, Facts extends TSchema = TSchema> {
  (facts: Value<Facts>, options?: ProblemOptions): ProblemError;
  readonly kind: "problem";
  readonly owner: string;
  readonly code: Code;
  readonly status: number;
  /** Whether the same request may succeed later: retry policies go by it. */
  readonly retryable: boolean;
  readonly summary: string;
  readonly facts: Facts;
}

export interface ProblemSpec<Facts extends TSchema> {
  /** 400 to 599. */
  readonly status: number;
  readonly retryable: boolean;
  readonly summary: string;
  /** Names facts in braces: `There is no order {orderId}.` @default the summary */
  readonly detail?: string;
  readonly facts: Facts;
}

/** Match it by `isProblem(error, code)`, never by class: it may have been wrapped. */
export class ProblemError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    problem: { readonly code: string; readonly status: number; readonly retryable: boolean; readonly summary: string },
    given: { readonly detail: string; readonly facts: Readonly<Record<string, unknown>> } & ProblemOptions,
  ) {
    super(given.detail, given.cause === undefined ? undefined : { cause: given.cause });
    this.name = "ProblemError";
    this.code = problem.code;
    this.status = problem.status;
    this.retryable = given.retryable ?? problem.retryable;
    this.title = problem.summary;
    this.facts = given.facts;
    this.headers = given.headers ?? {};
  }
}

/** Members that RFC 9457 and the kit use: facts may not have these names. */
export const reservedMembers = ["type", "title", "status", "detail", "instance", "code", "retryable"] as const;

export function makeProblem<const C extends string, F extends TSchema>(
  owner: string,
  code: C,
  spec: ProblemSpec<F>,
): Problem<C, F> {
  if (!new RegExp(`^${owner}/[a-z][a-z0-9-]*$`).test(code))
    throw new Error(`The problem "${code}" of ${owner} must be named ${owner}/<kebab-case>.`);
  const { status, retryable, summary, detail = summary, facts } = spec;
  const description = { kind: "problem" as const, owner, code, status, retryable, summary, facts };
  const make = (given: Value<F>, options: ProblemOptions = {}) => {
    // Proof: facts are an object schema (checked at start-up), so their value is a record.
    const values = given as Readonly<Record<string, unknown>>;
    const text = detail.replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
      name in values ? String(values[name]) : whole,
    );
    return new ProblemError(description, { ...options, detail: text, facts: values });
  };
  return Object.assign(make, description);
}

/** The problem with this code (or any) in the chain of causes. */
export function findProblem(error: unknown, code?: string): ProblemError | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 16; at = at.cause, depth += 1) {
    if (at instanceof ProblemError && (code === undefined || at.code === code)) return at;
  }
  return undefined;
}

export const isProblem = (error: unknown, code?: string): boolean => findProblem(error, code) !== undefined;

/** The body of a reply (RFC 9457); facts are extension members. `instance` is the id of the request. */
export function problemBody(problem: ProblemError, instance?: string): Readonly<Record<string, unknown>> {
  const { code, status, retryable, title, message, facts } = problem;
  return {
    type: `/docs#problem:${code}`,
    title,
    status,
    detail: message,
    ...(instance === undefined ? {} : { instance }),
    code,
    retryable,
    ...facts,
  };
}
