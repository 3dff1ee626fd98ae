import { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Counts of one port. */
export interface PortCounts {
  /** Requests that are being handled. */
  inHand: number;
}

/** One connection and its requests. */
export interface Connection {
  readonly socket: Socket;
  readonly port: PortCounts;
  /** A connection whose client reads nothing for this long is closed. */
  readonly unreadMs: number;
  /** Replies that are not sent yet. */
  count: number;
  /** Replies leave in the order of their requests, so this one leaves last. */
  last: ServerResponse | undefined;
  /** Share of `port.inHand`. */
  inHand: number;
  /** Bytes of replies that wait for earlier replies of this connection. */
  queuedBytes: number;
  /** Requests that begin when the client has read earlier replies. */
  readonly held: (() => void)[];
  resuming: boolean;
  closed: boolean;
}

/** A reply that tells its connection when its request is being handled, and how many of its bytes the client has not read. */
export class CountedReply extends ServerResponse {
  #connection: Connection | undefined;
  #inHand = false;
  #begun = false;
  #over = false;
  #queuedBytes = 0;

  /** The connection that the reply belongs to. */
  get connectionCounts(): Connection | undefined {
    return this.#connection;
  }

  follow(connection: Connection): this {
    this.#connection = connection;
    return this;
  }

  /** The request is being handled: it begins, or its body has arrived. */
  enterHand(): void {
    if (this.#inHand || this.#over) return;
    this.#begun = true;
    this.#count(1);
  }

  /** The request waits for its body. */
  leaveHand(): void {
    if (this.#inHand) this.#count(-1);
  }

  /** The reply has left, or its connection has closed. */
  settle(): void {
    this.#answered();
    if (this.#connection !== undefined) this.#connection.queuedBytes -= this.#queuedBytes;
    this.#queuedBytes = 0;
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    // Proof: the arguments are those of one overload, unchanged.
    const goesOn = super.write(chunk, ...(rest as [BufferEncoding]));
    if (!goesOn) this.#handedOver();
    return goesOn;
  }

  override end(...parts: unknown[]): this {
    // Proof: the arguments are those of one overload, unchanged.
    super.end(...(parts as [unknown, BufferEncoding]));
    this.#handedOver();
    return this;
  }

  /** From here on the request waits for its client. */
  #handedOver(): void {
    this.#answered();
    const connection = this.#connection;
    if (connection === undefined || this.writableFinished) return;
    const { socket } = this;
    const bytes = this.writableLength;
    if (bytes === 0) return;
    // Refusals may follow requests that are held, which would wait for themselves.
    if (socket === null && this.#begun) {
      connection.queuedBytes += bytes - this.#queuedBytes;
      this.#queuedBytes = bytes;
    }
    if (this.listenerCount("socket") === 0) this.setTimeout(connection.unreadMs);
  }

  #answered(): void {
    this.leaveHand();
    this.#over = true;
  }

  #count(change: 1 | -1): void {
    this.#inHand = change === 1;
    const connection = this.#connection;
    if (connection === undefined || connection.closed) return;
    connection.inHand += change;
    connection.port.inHand += change;
  }
}
