import type { IncomingMessage, ServerResponse } from "node:http";
import { kitProblems } from "../contract/index.ts";
import type { BodyMemory, HeldBody } from "./body-memory.ts";
import { CountedReply } from "./counted-reply.ts";

/** Whether a request announces a body (RFC 9112 section 6.3). */
const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;

export interface BodyLimits {
  /** Of this body. */
  readonly bytes: number;
  /** Of all bodies of the port. */
  readonly memory: BodyMemory;
}

/** Gets the body, or an error. Called once; never after the client has gone. Must free the held body. */
type Received = (error: Error | undefined, bytes?: Buffer, held?: HeldBody) => void;

/** Reads the body of the request that `response` answers; undefined where it has none. The request is not in hand while its body arrives. */
export function receive(response: ServerResponse, limits: BodyLimits, received: Received): void {
  const request = response.req;
  const announced = Number(request.headers["content-length"]);
  if (!hasBody(request)) received(undefined);
  else if (announced > limits.bytes) refuseLarge(request, { limitBytes: limits.bytes, announced, came: 0 }, received);
  // What has come with the head lies there when its turn is over.
  else process.nextTick(take, response, { announced, limits, received });
}

interface Receiving {
  /** NaN where the body comes in chunks. */
  readonly announced: number;
  readonly limits: BodyLimits;
  readonly received: Received;
}

/** Most bodies lie there whole, and need no listener. */
function take(response: ServerResponse, receiving: Receiving): void {
  const { announced, limits, received } = receiving;
  const request = response.req;
  if (request.readableLength !== announced) collect(response, receiving);
  else {
    const held = limits.memory.hold(() => received(noRoom()));
    // Proof: no encoding is set, and something is there to be read.
    const bytes = request.read() as Buffer;
    if (held.add(announced)) received(undefined, bytes, held.complete());
  }
}

function collect(response: ServerResponse, { announced, limits, received }: Receiving): void {
  const request = response.req;
  const counted = response instanceof CountedReply ? response : undefined;
  counted?.leaveHand();
  let pieces: Buffer[] = [];
  let length = 0;
  const stop = () => {
    pieces = [];
    held.free();
    request.off("data", onData).off("end", onEnd).off("close", stop);
  };
  const held = limits.memory.hold(() => {
    stop();
    received(noRoom());
    request.resume();
  });
  const onData = (piece: Buffer) => {
    length += piece.length;
    if (length > limits.bytes) {
      stop();
      refuseLarge(request, { limitBytes: limits.bytes, announced, came: length }, received);
    } else if (held.add(piece.length)) pieces.push(piece);
  };
  const onEnd = () => {
    request.off("close", stop);
    counted?.enterHand();
    received(undefined, Buffer.concat(pieces), held.complete());
  };
  request.on("data", onData).on("end", onEnd).on("close", stop);
}

/** The connection is closed: the rest of the body may take long to arrive. */
const noRoom = (): Error => kitProblems.overloaded({}, { headers: { connection: "close" } });

/**
 * Bytes of a body above its limit that are read and dropped. Closing the connection while the client is sending could reset it before the client has read
 * the 413.
 */
const drainBytes = 8_388_608;

interface Large {
  readonly limitBytes: number;
  /** NaN where it comes in chunks. */
  readonly announced: number;
  readonly came: number;
}

function refuseLarge(request: IncomingMessage, { limitBytes, announced, came }: Large, received: Received): void {
  // More than is dropped: the reply says that the connection is closed.
  const ends = announced > drainBytes;
  received(kitProblems.bodyTooLarge({ limitBytes }, ends ? { headers: { connection: "close" } } : {}));
  let dropped = came;
  request.on("data", (piece: Buffer) => {
    dropped += piece.length;
    if (dropped > drainBytes) request.socket.destroySoon();
  });
}
