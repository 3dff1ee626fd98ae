import {
  compile,
  findProblem,
  kitProblems,
  parseExactJson,
  ProblemError,
  replySpec,
  type Caller,
  type Endpoint,
  type ServiceIdentity,
  type TSchema,
} from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import type { TraceContext } from "../telemetry/index.ts";
import { clientsOwn } from "./from-client.ts";
import { unavailableServiceHeader } from "./verdict.ts";

/** A call on its way, whichever way it takes. */
export interface Outward {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: unknown;
  /** The calling service, and on whose behalf it calls. */
  readonly caller: ServiceIdentity;
  /** Services that wait for this call, first to last; the calling service is the last. */
  readonly callChain: readonly string[];
  readonly idempotencyKey: string | undefined;
  /** On the monotonic clock; the caller may have less time than the contract gives. */
  readonly deadline: number;
  /** What the contract gives, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly correlationId: string;
  readonly trace: TraceContext;
}

/** A service that calls because it was called does so on behalf of whoever asked first: the callee shows no more than that caller may see. */
export function callingService(name: string, caller: Caller | undefined): ServiceIdentity {
  const onBehalfOf = caller === undefined ? guest : caller.kind === "user" ? caller : caller.onBehalfOf;
  return { kind: "service", name, ...(onBehalfOf === undefined ? {} : { onBehalfOf }) };
}
const guest = { kind: "guest" } as const;

/** Brings one attempt to the callee. Rejects with the callee's problem, or with one of the kit's for what happened on the way. */
export type Transport = (call: Outward) => Promise<StoredReply>;

/** What `CallRequest` may hold. */
export interface RequestParts {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly fromClient?: readonly string[];
}

/** Query and headers travel as text. */
export function asText(
  parts: Readonly<Record<string, unknown>> | undefined,
): Record<string, string | readonly string[] | undefined> {
  const text: Record<string, string | readonly string[] | undefined> = {};
  for (const [name, value] of Object.entries(parts ?? {})) {
    if (value !== undefined) text[name] = Array.isArray(value) ? value.map(scalarText) : scalarText(value);
  }
  return text;
}

const scalarText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Whether the contract lets it be repeated. */
export const isRepeatable = ({ endpoint: { method, spec }, idempotencyKey }: Outward): boolean =>
  method === "GET" ||
  method === "PUT" ||
  method === "DELETE" ||
  (spec.idempotent === true && idempotencyKey !== undefined);

const reserved = new Set(["type", "title", "status", "detail", "instance", "code", "retryable"]);
/** Headers of a refusal that mean something to its caller. */
const keptHeaders = ["retry-after", unavailableServiceHeader];

/** A problem as it came over the wire (RFC 9457); what cannot be understood is a failed call. */
export function problemOf({ status, body, headers }: StoredReply): ProblemError {
  const parsed = parsedBody(body);
  const given: Readonly<Record<string, unknown>> = typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  const { code, title, detail } = given;
  if (typeof code !== "string" || typeof title !== "string")
    return (status >= 500 ? kitProblems.unavailable : kitProblems.callFailed)({
      reason: `It answered ${String(status)} without saying why.`,
    });
  const facts = Object.fromEntries(Object.entries(given).filter(([name]) => !reserved.has(name)));
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => keptHeaders.includes(name)));
  return new ProblemError(
    { code, status, retryable: given["retryable"] === true, summary: title },
    {
      detail: typeof detail === "string" ? detail : title,
      facts,
      headers: kept,
    },
  );
}

/**
 * What a failed call is to its caller. A problem that the callee declares is the caller's to handle; a refusal of what the client sent is the client's
 * (`fromClient`); a missed deadline and a loop stay what they are. Everything else is a failed call, retryable as the callee said.
 */
export function escaped(endpoint: Endpoint, error: unknown, fromClient: readonly string[] = []): ProblemError {
  const problem = findProblem(error);
  if (problem !== undefined && endpoint.spec.problems?.some(({ code }) => code === problem.code) === true)
    return problem;
  if (problem?.code === kitProblems.deadlineExceeded.code) return kitProblems.deadlineExceeded({}, { cause: error });
  if (problem?.code === kitProblems.callLoop.code) return problem;
  const refused = problem === undefined ? undefined : clientsOwn(endpoint, problem, fromClient);
  if (refused !== undefined) return refused;
  const why = problem === undefined ? "an error" : problem.code;
  const reason = `${endpoint.route} of ${endpoint.owner} failed with ${why}.`;
  if (problem?.retryable !== true) return kitProblems.callFailed({ reason }, { cause: error });
  const headers = { [unavailableServiceHeader]: endpoint.owner, ...problem.headers };
  return kitProblems.unavailable({ reason }, { cause: error, headers });
}

const validators = new WeakMap<TSchema, (value: unknown) => boolean>();

/** The body of a reply; throws `kit/call-failed` where the contract does not allow it. Fields that it does not know are let through. */
export function replyBody(endpoint: Endpoint, { status, body }: StoredReply): unknown {
  const failed = (what: string) =>
    kitProblems.callFailed({ reason: `${endpoint.route} of ${endpoint.owner} replied ${String(status)}${what}.` });
  const reply = endpoint.spec.replies[status];
  if (reply === undefined) throw failed(", which its contract does not name");
  const schema = replySpec(reply).body;
  if (schema === undefined) return undefined;
  let check = validators.get(schema);
  if (check === undefined) {
    const validator = compile(schema, { open: true });
    validators.set(schema, (check = (value) => validator.check(value)));
  }
  const value = parsedBody(body);
  if (!check(value)) throw failed(" with a body that its contract does not allow");
  return value;
}

function parsedBody(text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined;
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
}
