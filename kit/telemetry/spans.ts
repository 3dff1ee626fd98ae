import type { TraceContext } from "./trace.ts";

/** Names, ids and counts; never what a body, a header or a setting holds. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  readonly kind: "server" | "client" | "producer" | "consumer" | "internal";
  /** What it is part of; undefined begins a trace. */
  readonly parent: TraceContext | undefined;
  /** What else led to it. */
  readonly links?: readonly TraceContext[];
  readonly attributes?: Attributes;
}

/** Work in hand, as a trace shows it. One that never ends is never shown. */
export interface Span {
  /** The parent of everything that happens inside it. */
  readonly context: TraceContext;
  set(name: string, value: string | number | boolean): void;
  /** With the code of what failed, where something did. Once ended it changes no more. */
  end(failed?: string): void;
}

/** Makes the spans of one service: the port to whatever records traces. Contexts are handed over, never ambient. */
export interface Spans {
  start(name: string, span: SpanStart): Span;
}

export interface Tracing {
  /** The same for every call with one name. */
  of(service: string): Spans;
  /** Delivers what has ended, in `ms` at the most. Never rejects. */
  close(ms: number): Promise<void>;
}
