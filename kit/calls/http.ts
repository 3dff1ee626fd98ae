import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher, Pool } from "undici";
import { findProblem, kitProblems, mediaTypesOf, onBehalfOfHeader, writeOnBehalfOf } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import type { Runtime, Timer, Timers } from "../runtime/index.ts";
import { callChainHeader, formatCallChain } from "../service/index.ts";
import { formatTraceparent } from "../telemetry/index.ts";
import { codeOf } from "./verdict.ts";
import { problemOf, type Outward, type Transport } from "./wire.ts";

export interface HttpClientOptions {
  readonly runtime: Runtime;
  /** Addresses of a service in other processes; empty where none is known. Nothing else is ever called. */
  readonly addressesOf: (service: string) => readonly string[];
  /** A bearer token of the calling service. */
  readonly token: (service: string) => Promise<string>;
  /** Bytes of one reply. @default 1048576 */
  readonly maxReplyBytes?: number;
}

const connectMs = 2_000;
/** An address that cannot be reached is tried last for this long. */
const shunMs = 1_000;
/**
 * An answer that nobody waits for any more may still come for this long: as a rule the callee refuses at the same deadline. Its connection is kept; to
 * close it would cost the next call a new one, which a busy callee is slow to accept.
 */
const lateAnswerMs = 1_000;

interface RequestOfCall extends Pick<Dispatcher.DispatchOptions, "path" | "method" | "body"> {
  readonly headers: Record<string, string | string[]>;
}

/** Requests over HTTP/1.1 on kept connections, the addresses of a service in turn. */
export class HttpClient {
  readonly #o: HttpClientOptions;
  readonly #pools = new Map<string, Promise<Pool>>();
  readonly #shunned = new Map<string, number>();
  #turn = 0;

  constructor(options: HttpClientOptions) {
    this.#o = options;
  }

  knows = (service: string): boolean => this.#o.addressesOf(service).length > 0;

  readonly transport: Transport = async (call) => {
    const origin = this.#choose(call.endpoint.owner);
    if (origin === undefined)
      throw kitProblems.unavailable({ reason: `No instance of ${call.endpoint.owner} is known here.` });
    // Outside of what follows: what goes wrong here is the caller's own mistake.
    const request = await this.#request(call);
    let reply: StoredReply;
    try {
      reply = await this.#send(await this.#pool(origin), call, request);
    } catch (error) {
      const code = codeOf(error);
      if (findProblem(error) !== undefined || code === "UND_ERR_INVALID_ARG") throw error;
      if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE")
        throw kitProblems.callFailed({ reason: `The reply of ${call.endpoint.owner} is too large.` }, { cause: error });
      if (code === "ECONNREFUSED" || code === "UND_ERR_CONNECT_TIMEOUT")
        this.#shunned.set(origin, this.#o.runtime.clock.monotonic() + shunMs);
      throw kitProblems.unavailable(
        { reason: `${call.endpoint.owner} could not be reached, or its answer was lost.` },
        { cause: error },
      );
    }
    if (reply.status >= 400) throw problemOf(reply);
    return reply;
  };

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(async (pool) => (await pool).destroy()));
  }

  async #request(call: Outward): Promise<RequestOfCall> {
    const { endpoint, body, idempotencyKey, correlationId, trace, caller, callChain } = call;
    return {
      path: pathOf(call),
      method: endpoint.method,
      headers: {
        ...textHeaders(call.headers),
        accept: "application/json, application/problem+json",
        authorization: `Bearer ${await this.#o.token(caller.name)}`,
        ...(caller.onBehalfOf === undefined ? {} : { [onBehalfOfHeader]: writeOnBehalfOf(caller.onBehalfOf) }),
        [callChainHeader]: formatCallChain(callChain),
        "x-correlation-id": correlationId,
        traceparent: formatTraceparent(trace),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
        ...(body === undefined ? {} : { "content-type": mediaTypesOf(endpoint.spec.body)?.[0] ?? "application/json" }),
      },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    };
  }

  /** Rejects with `kit/deadline-exceeded` when there is no reply in time. */
  async #send(pool: Pool, call: Outward, request: RequestOfCall): Promise<StoredReply> {
    const { clock, timers } = this.#o.runtime;
    const left = call.deadline - clock.monotonic();
    if (left <= 0) throw kitProblems.deadlineExceeded({});
    const answer = new Answer(timers);
    const timer = timers.after(left, () => answer.giveUp(kitProblems.deadlineExceeded({})));
    const callerLeft = () => answer.giveUp(new Error("The caller has gone."));
    call.signal.addEventListener("abort", callerLeft, { once: true });
    if (call.signal.aborted) callerLeft();
    try {
      request.headers["x-request-timeout"] = String(Math.floor(left));
      pool.dispatch(request, answer);
      return await answer.reply;
    } finally {
      timer.cancel();
      call.signal.removeEventListener("abort", callerLeft);
    }
  }

  #pool(origin: string): Promise<Pool> {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      this.#pools.set(origin, (pool = this.#open(origin)));
      // What cannot be opened is nothing to close, and is tried again.
      pool.catch(() => this.#pools.delete(origin));
    }
    return pool;
  }

  async #open(origin: string): Promise<Pool> {
    const { maxReplyBytes = 1_048_576 } = this.#o;
    // Loaded with the first call: most processes make none, and it is a hundred files.
    const undici = await import("undici");
    // As many connections as there are calls: the bulkheads bound those. A call that waited for a connection of a call that waits for it would wait for ever.
    return new undici.Pool(origin, { connect: { timeout: connectMs }, maxResponseSize: maxReplyBytes });
  }

  /** The next in turn, those that could not be reached a moment ago last. */
  #choose(service: string): string | undefined {
    const all = this.#o.addressesOf(service);
    this.#turn += 1;
    const inTurn = all.map((_, at) => all[(at + this.#turn) % all.length] ?? "");
    const now = this.#o.runtime.clock.monotonic();
    return inTurn.find((origin) => (this.#shunned.get(origin) ?? 0) <= now) ?? inTurn[0];
  }
}

/** One reply, put together without the streams that a reply of any size would need. */
class Answer implements Dispatcher.DispatchHandler {
  readonly reply: Promise<StoredReply>;
  readonly #timers: Pick<Timers, "after">;
  readonly #chunks: Buffer[] = [];
  readonly #resolve: (reply: StoredReply) => void;
  readonly #reject: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #givenUp: Error | undefined;
  #late: Timer | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};

  constructor(timers: Pick<Timers, "after">) {
    this.#timers = timers;
    const { promise, resolve, reject } = Promise.withResolvers<StoredReply>();
    this.reply = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Rejects at once. A request that was not sent will not be; one that was has a while to be answered. */
  giveUp(why: Error): void {
    this.#givenUp = why;
    this.#reject(why);
    if (this.#controller !== undefined)
      this.#late = this.#timers.after(lateAnswerMs, () => this.#controller?.abort(why));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#givenUp !== undefined) controller.abort(this.#givenUp);
  }
  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }
  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }
  onResponseEnd(): void {
    this.#late?.cancel();
    const body = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, body: body?.toString("utf8"), headers: replyHeaders(this.#headers) });
  }
  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#late?.cancel();
    this.#reject(error);
  }
}

function pathOf({ endpoint, params, query }: Outward): string {
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const each of typeof value === "string" ? [value] : (value ?? [])) search.append(name, each);
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

const textHeaders = (headers: Outward["headers"]): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : [...value]]],
    ),
  );

const replyHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(", ")]],
    ),
  );
