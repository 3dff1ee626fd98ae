import { createServer, type IncomingMessage } from "node:http";
import { checkCharge, checkRefund, GatewayRefused, GatewayUnavailable, type PaymentGateway } from "./port.ts";

export interface GatewayServer {
  readonly url: string;
  close(): Promise<void>;
}

const maxBytes = 16_384;

/** A gateway as a server of its own: `POST /charges` and `POST /refunds`, JSON both ways. On loopback only. */
export async function serveGateway(gateway: PaymentGateway, port: number): Promise<GatewayServer> {
  const never = new AbortController().signal;
  const answer = async (request: IncomingMessage): Promise<object> => {
    if (request.method === "POST" && request.url === "/charges")
      return gateway.charge(checkCharge(await bodyOf(request)), never);
    if (request.method === "POST" && request.url === "/refunds")
      return gateway.refund(checkRefund(await bodyOf(request)), never);
    throw new GatewayRefused("it takes POST /charges and POST /refunds.");
  };
  const server = createServer((request, response) => {
    answer(request).then(
      (value) => response.writeHead(200, json).end(JSON.stringify(value)),
      (error: unknown) => {
        const status = error instanceof GatewayRefused ? 400 : error instanceof GatewayUnavailable ? 503 : 500;
        const reason =
          error instanceof GatewayRefused || error instanceof GatewayUnavailable ? error.reason : "it failed.";
        response.writeHead(status, json).end(JSON.stringify({ reason }));
      },
    );
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${String(typeof address === "object" && address !== null ? address.port : port)}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      await gateway[Symbol.asyncDispose]();
    },
  };
}

const json = { "content-type": "application/json" };

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers["content-length"]) > maxBytes) throw new GatewayRefused("the body is too large.");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    // Proof: a request without an encoding gives buffers.
    chunks.push(chunk as Buffer);
    bytes += chunks.at(-1)?.length ?? 0;
    if (bytes > maxBytes) throw new GatewayRefused("the body is too large.");
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new GatewayRefused("the body is not JSON.");
  }
}
