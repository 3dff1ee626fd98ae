import type { IncomingHttpHeaders } from "node:http";
import type { Caller, Endpoint } from "../contract/index.ts";
import type { Random } from "../runtime/index.ts";
import type { Dispatch } from "../service/index.ts";
import { parseTraceparent, type TraceContext } from "../telemetry/index.ts";

interface Parts extends Omit<Dispatch, "signal" | "trace" | "headers" | "address"> {
  /** The framework's request, which works its address out. */
  readonly client: { readonly ip: string };
  readonly headers: IncomingHttpHeaders;
  readonly random: Random;
  /** Of the span that shows it; undefined where nothing is traced. */
  readonly shown: TraceContext | undefined;
}

/** A request from a socket. What few handlers ask for is made when it is asked for: every request would pay for it. */
export class Incoming implements Dispatch {
  readonly endpoint: Endpoint;
  readonly params: Dispatch["params"];
  readonly query: Dispatch["query"];
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly suspectText: boolean;
  readonly caller: Caller | undefined;
  readonly idempotencyKey: string | undefined;
  readonly deadline: number;
  readonly requestId: string;
  readonly correlationId: string;
  readonly callChain: Dispatch["callChain"];
  readonly #client: Parts["client"];
  readonly #random: Random;
  #trace: TraceContext | undefined;
  #over: AbortController | undefined;
  #aborted = false;

  constructor(parts: Parts) {
    this.endpoint = parts.endpoint;
    this.params = parts.params;
    this.query = parts.query;
    this.headers = parts.headers;
    this.body = parts.body;
    this.suspectText = parts.suspectText;
    this.caller = parts.caller;
    this.idempotencyKey = parts.idempotencyKey;
    this.deadline = parts.deadline;
    this.requestId = parts.requestId;
    this.correlationId = parts.correlationId;
    this.callChain = parts.callChain;
    this.#client = parts.client;
    this.#random = parts.random;
    this.#trace = parts.shown;
  }

  get address(): string {
    return this.#client.ip;
  }

  get trace(): TraceContext {
    const header = this.headers["traceparent"];
    return (this.#trace ??= parseTraceparent(typeof header === "string" ? header : undefined, this.#random));
  }

  get signal(): AbortSignal {
    this.#over ??= new AbortController();
    if (this.#aborted) this.#over.abort();
    return this.#over.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#over?.abort();
  }
}
