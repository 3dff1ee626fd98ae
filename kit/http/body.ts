import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { kitProblems, maxDepth, parseExactJson } from "../contract/index.ts";

/** Whether a request announces a body (RFC 9112 section 6.3). */
const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;

/** Told once, and never where the client has gone meanwhile. */
type Received = (error: Error | undefined, bytes?: Buffer) => void;

/** A body of so many bytes at most; undefined where there is none. */
export function receive(request: IncomingMessage, limitBytes: number, received: Received): void {
  const announced = Number(request.headers["content-length"]);
  if (!hasBody(request)) received(undefined);
  else if (announced > limitBytes) received(tooLarge(limitBytes));
  // What has come with the head lies there when its turn is over.
  else process.nextTick(take, request, { announced, limitBytes, received });
}

interface Receiving {
  /** NaN where the body comes in chunks. */
  readonly announced: number;
  readonly limitBytes: number;
  readonly received: Received;
}

/** Most bodies lie there whole, and need no listener. */
function take(request: IncomingMessage, { announced, limitBytes, received }: Receiving): void {
  // Proof: no encoding is set, and something is there to be read.
  if (request.readableLength === announced) received(undefined, request.read() as Buffer);
  else collect(request, limitBytes, received);
}

function collect(request: IncomingMessage, limitBytes: number, received: Received): void {
  const pieces: Buffer[] = [];
  let length = 0;
  request.on("data", (piece: Buffer) => {
    if (length > limitBytes) return;
    length += piece.length;
    if (length > limitBytes) received(tooLarge(limitBytes));
    else pieces.push(piece);
  });
  request.on("end", () => {
    if (length <= limitBytes) received(undefined, Buffer.concat(pieces));
  });
}

/** The connection is ended: who sent so much may send more. */
const tooLarge = (limitBytes: number): Error =>
  kitProblems.bodyTooLarge({ limitBytes }, { headers: { connection: "close" } });

export interface JsonBody {
  readonly value: unknown;
  /** True when the text might hold NUL or half a surrogate pair. */
  readonly suspect: boolean;
}

/** JSON in UTF-8 (RFC 8259): no byte order mark, no deep nesting, no `__proto__`. */
export function parseBody(bytes: Buffer): JsonBody {
  if (!isUtf8(bytes)) throw kitProblems.malformedJson({ reason: "The body is not UTF-8." });
  const text = bytes.toString("utf8");
  if (text.codePointAt(0) === 0xfeff)
    throw kitProblems.malformedJson({ reason: "The body begins with a byte order mark." });
  if (mayBeDeep(text) && tooDeep(text)) {
    throw kitProblems.invalidRequest({
      errors: [{ in: "body", field: "", rule: "depth", message: `is nested deeper than ${String(maxDepth)} levels` }],
    });
  }
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch (error) {
    throw kitProblems.malformedJson({
      reason: error instanceof Error ? shortened(error.message) : "The body is not JSON.",
    });
  }
  return { value, suspect: text.includes("\\u") && /\\u(0000|[dD][89a-fA-F])/.test(text) };
}

/** V8 quotes the body in its message; what it says before that is enough. */
const shortened = (message: string): string => message.replace(/,? ?"[\s\S]*$/, "").slice(0, 200);

/** Whether enough brackets open, wherever they stand: a third of what it takes to follow them, and right whenever it says no. */
function mayBeDeep(text: string): boolean {
  let count = 0;
  for (const bracket of ["{", "["])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if ((count += 1) > maxDepth) return true;
  return false;
}

function tooDeep(text: string): boolean {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      for (at += 1; at < text.length && text.charCodeAt(at) !== 0x22; at += 1)
        if (text.charCodeAt(at) === 0x5c) at += 1;
    } else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, (depth += 1));
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest > maxDepth;
}
