import type { FastifyReply } from "fastify";
import { kitProblems } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import { Timed } from "./deadlines.ts";
import type { Incoming } from "./incoming.ts";
import type { Headers } from "./reply.ts";

export interface Sending {
  /** Of every reply of the route, beside those of the handler. */
  readonly extra: Headers | undefined;
  readonly send: (reply: FastifyReply, stored: StoredReply) => FastifyReply;
}

/** The answer to one request: the handler's, or that it came too late. What a unit commits after that is found under its key. */
export class Answer extends Timed {
  readonly #reply: FastifyReply;
  readonly #incoming: Incoming;
  readonly #sending: Sending;

  constructor(reply: FastifyReply, incoming: Incoming, sending: Sending) {
    super(incoming.deadline);
    this.#reply = reply;
    this.#incoming = incoming;
    this.#sending = sending;
  }

  give(stored: StoredReply): void {
    if (!this.end()) return;
    const reply = this.#reply;
    const { extra, send } = this.#sending;
    const known = this.#incoming.headers.authorization !== undefined;
    try {
      if (extra === undefined && !known && sendPlain(reply, stored)) return;
      if (extra !== undefined) reply.headers(extra);
      if (known) reply.header("cache-control", "no-store");
      send(reply, stored);
    } catch (error) {
      fail(reply, error);
    }
  }

  fail(error: unknown): void {
    if (this.end()) fail(this.#reply, error);
  }

  protected late(): void {
    this.#incoming.abort();
    fail(this.#reply, kitProblems.deadlineExceeded({}));
  }
}

/** Leaves it to the framework, as if its handler had thrown. */
export const fail = (reply: FastifyReply, error: unknown): void =>
  void reply.send(error instanceof Error ? error : new Error("It failed without an error.", { cause: error }));

/** The common reply, past the framework, whose hooks have nothing to do with it; false where it is another one. */
function sendPlain(reply: FastifyReply, { status, body, headers }: StoredReply): boolean {
  const { request, raw } = reply;
  if (status >= 400 || body === undefined || request.method === "HEAD") return false;
  const lines = ["x-request-id", request.id, "x-content-type-options", "nosniff"];
  const bytes = Buffer.byteLength(body);
  lines.push("content-length", String(bytes));
  if (headers["content-type"] === undefined) lines.push("content-type", "application/json; charset=utf-8");
  // A byte for each character: ASCII, which needs no conversion. The head is written in the encoding of the body.
  let encoding: "latin1" | "utf8" = bytes === body.length ? "latin1" : "utf8";
  for (const name in headers) {
    lines.push(name, headers[name] ?? "");
    encoding = "utf8";
  }
  raw.writeHead(status, lines);
  reply.hijack();
  raw.end(body, encoding);
  reply.server.meter.answered(reply, status);
  return true;
}
