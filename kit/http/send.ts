import type { FastifyReply } from "fastify";
import type { StoredReply } from "../messaging/index.ts";
import type { Headers } from "./reply.ts";

/**
 * Every reply goes past the framework, to Node's own `writeHead`: hooks, serialisers and streams have nothing to do with it. Nothing was sent when it throws.
 * @param extra headers in ASCII, where the reply has none of the name
 */
export function send(reply: FastifyReply, stored: StoredReply, extra: Headers = none): void {
  const { request, raw, server } = reply;
  const { status, body = "", headers } = stored;
  const lines = ["x-request-id", request.id, "x-content-type-options", "nosniff"];
  const bytes = Buffer.byteLength(body);
  if (status !== 204) lines.push("content-length", String(bytes));
  if (stored.body !== undefined && headers["content-type"] === undefined)
    lines.push("content-type", "application/json; charset=utf-8");
  // A byte for each character: ASCII, which needs no conversion. The head is written in the encoding of the body.
  let encoding: "latin1" | "utf8" = bytes === body.length ? "latin1" : "utf8";
  for (const name in extra) if (headers[name] === undefined) lines.push(name, extra[name] ?? "");
  for (const name in headers) {
    lines.push(name, headers[name] ?? "");
    encoding = "utf8";
  }
  raw.writeHead(status, lines);
  reply.hijack();
  raw.end(body, encoding);
  server.meter.answered(reply, stored);
  server.traced?.(request.raw, stored);
}

const none: Headers = {};
