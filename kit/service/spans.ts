import { findProblem, type Endpoint } from "../contract/index.ts";
import { failureOf, type StoredReply } from "../messaging/index.ts";
import type { Span, Spans, TraceContext } from "../telemetry/index.ts";

interface Traced {
  readonly trace: TraceContext;
}

/** A step of a handler as a span of its own: what it lets out and whom it calls is part of it. */
export function inStep<C extends Traced, T>(
  spans: Spans | undefined,
  name: string,
  cause: C,
  step: (cause: C) => Promise<T>,
): Promise<T> {
  return spans === undefined ? step(cause) : shown(spans, name, cause, step);
}

async function shown<C extends Traced, T>(
  spans: Spans,
  name: string,
  cause: C,
  step: (cause: C) => Promise<T>,
): Promise<T> {
  const span = spans.start(name, { kind: "internal", parent: cause.trace });
  try {
    const result = await step({ ...cause, trace: span.context });
    span.end();
    return result;
  } catch (error) {
    span.end(failureOf(error));
    throw error;
  }
}

export interface Asked {
  readonly endpoint: Pick<Endpoint, "method" | "path">;
  /** Of the caller; undefined begins a trace. */
  readonly trace: TraceContext | undefined;
}

/** A request that comes without a socket, as its callee sees it; `dispatch` is given the callee's span, where there is one. */
export async function served(
  spans: Spans | undefined,
  { endpoint, trace }: Asked,
  dispatch: (span: Span | undefined) => Promise<StoredReply>,
): Promise<StoredReply> {
  if (spans === undefined) return dispatch(undefined);
  const { method, path } = endpoint;
  const attributes = { "http.request.method": method, "http.route": path };
  const span = spans.start(`${method} ${path}`, { kind: "server", parent: trace, attributes });
  try {
    const reply = await dispatch(span);
    answered(span, reply.status);
    return reply;
  } catch (error) {
    answered(span, findProblem(error)?.status ?? 500, failureOf(error));
    throw error;
  }
}

/** Ends the span of a request by its reply. Only what is the server's fault fails it, as the conventions for HTTP ask. */
export function answered(span: Span, status: number, code?: string): void {
  span.set("http.response.status_code", status);
  if (code !== undefined) span.set("holdfast.problem", code);
  span.end(status >= 500 ? (code ?? String(status)) : undefined);
}
