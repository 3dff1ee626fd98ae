import type { FastifyReply } from "fastify";
import { kitProblems } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import { Timed } from "./deadlines.ts";
import type { Incoming } from "./incoming.ts";
import type { Headers } from "./reply.ts";
import { send } from "./send.ts";

/** The answer to one request: the handler's, or that it came too late. What a unit commits after that is found under its key. */
export class Answer extends Timed {
  readonly #reply: FastifyReply;
  readonly #incoming: Incoming;
  readonly #extra: Headers | undefined;

  /** @param extra headers of every reply of the route, beside those of the handler */
  constructor(reply: FastifyReply, incoming: Incoming, extra: Headers | undefined) {
    super(incoming.deadline);
    this.#reply = reply;
    this.#incoming = incoming;
    this.#extra = extra;
  }

  give(stored: StoredReply): void {
    if (!this.end()) return;
    const reply = this.#reply;
    const extra = this.#extra;
    const known = this.#incoming.headers.authorization !== undefined;
    try {
      send(reply, stored, known ? { ...extra, "cache-control": "no-store" } : extra);
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
