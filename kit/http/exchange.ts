import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { kitProblems } from "../contract/index.ts";
import { staysOnConnection } from "./hop-by-hop.ts";

export interface ExchangeOptions {
  readonly request: IncomingMessage;
  /** Gets the reply of the service. */
  readonly response: ServerResponse;
  /** Called when the reply begins. */
  readonly onReply: () => void;
}

/** One forwarded request and its reply. */
export class Exchange implements Dispatcher.DispatchHandler {
  /**
   * Resolves when the reply was passed on, or the client has gone. Rejects with a problem that says whether the request may have been handled, or, where the
   * reply has begun, with an error.
   */
  readonly done: Promise<void>;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #onReply: () => void;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  /** Set when the request is being written: from then on the service may handle it. */
  #controller: Dispatcher.DispatchController | undefined;
  #abortedBy: "client" | "timeout" | undefined;

  constructor({ request, response, onReply }: ExchangeOptions) {
    this.#request = request;
    this.#response = response;
    this.#onReply = onReply;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    if (response.destroyed) this.#abort("client");
    else response.once("close", () => this.#abort("client"));
  }

  /** The reply takes too long to begin. */
  giveUp(): void {
    this.#abort("timeout");
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#abortedBy === undefined) this.#controller = controller;
    else controller.abort(aborted);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Interim replies are optional for clients, and unknown to those that speak HTTP/1.0.
    if (status < 200) return;
    this.#onReply();
    this.#response.writeHead(status, replyLines(controller.rawHeaders, headers.connection));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.destroyed || this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    this.#response.end();
    this.#resolve();
  }

  onResponseError(_: unknown, error: Error): void {
    if (this.#abortedBy === "client") this.#resolve();
    else this.#reject(this.#failure(error));
  }

  #abort(by: "client" | "timeout"): void {
    this.#abortedBy ??= by;
    if (this.#controller === undefined) this.onResponseError(undefined, aborted);
    else this.#controller.abort(aborted);
  }

  #failure(cause: Error): Error {
    if (this.#response.headersSent) return new Error("The service's reply was cut off.", { cause });
    const options = { cause };
    if ("code" in cause && unsendable.has(String(cause.code)))
      return kitProblems.malformedRequest({ reason: "The request cannot be forwarded." }, options);
    if (this.#controller === undefined)
      return kitProblems.unavailable({ reason: "The service could not be reached." }, options);
    // Without a key, a repetition could do it twice.
    if (!isRepeatable(this.#request)) return kitProblems.outcomeUnknown({}, { ...options, retryable: false });
    if (this.#abortedBy === "timeout") return kitProblems.deadlineExceeded({}, options);
    return kitProblems.unavailable({ reason: "The service's reply was lost." }, options);
  }
}

const aborted = new Error("The exchange was aborted.");
/** What undici refuses to write. */
const unsendable = new Set(["UND_ERR_INVALID_ARG", "UND_ERR_NOT_SUPPORTED"]);

const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Endpoints that take no Idempotency-Key refuse one. */
const isRepeatable = ({ method = "", headers }: IncomingMessage): boolean =>
  idempotentMethods.has(method) || headers["idempotency-key"] !== undefined;

/** Names and values with the bytes that the service sent. */
function replyLines(
  raw: Dispatcher.DispatchController["rawHeaders"],
  connection: string | string[] | undefined,
): string[] {
  const stays = staysOnConnection(typeof connection === "string" ? connection : connection?.join(","));
  const items: readonly (string | Buffer)[] = Array.isArray(raw) ? raw : [];
  const texts = items.map((item) => (typeof item === "string" ? item : item.toString("latin1")));
  const lines: string[] = [];
  for (let at = 0; at < texts.length; at += 2) {
    const name = texts[at] ?? "";
    if (!stays(name.toLowerCase())) lines.push(name, texts[at + 1] ?? "");
  }
  return lines;
}
