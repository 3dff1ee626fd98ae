import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Runtime } from "../runtime/index.ts";
import { connectionsOf } from "./connections.ts";
import type { HttpMeter } from "./http-metrics.ts";
import { rawReply, refusal, translate } from "./reply.ts";
import { httpLimits, serverOptions } from "./server.ts";

export interface GateOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  readonly runtime: Runtime;
  /** @default nothing is counted */
  readonly meter?: HttpMeter;
  /** Never throws. `full`: more requests are in hand than the limit allows. */
  readonly handle: (request: IncomingMessage, response: ServerResponse, full: boolean) => void;
}

export interface Gate {
  readonly port: number;
  readonly url: string;
  /** Takes no more connections, lets requests in hand finish, ends the rest after `ms`. */
  close(ms: number): Promise<void>;
}

/** A port with the limits of the kit, behind which somebody else answers. */
export async function gate({ port, host = "127.0.0.1", runtime, meter, handle }: GateOptions): Promise<Gate> {
  const server = createServer(serverOptions(httpLimits), (request, response) =>
    handle(request, response, sockets.inHand() > httpLimits.inHand),
  );
  server.maxConnections = httpLimits.connections;
  const sockets = connectionsOf(server);
  const connections = meter?.watch(server);
  server.on("clientError", (error: Error, socket) => {
    if (!socket.writable) socket.destroy();
    else {
      const { reply, problem } = refusal(translate(error), runtime.ids.uuidv7());
      meter?.refused(problem);
      socket.end(rawReply(reply));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: httpLimits.connections }, resolve);
  });
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return {
    port: bound,
    url: `http://${host}:${String(bound)}`,
    async close(ms) {
      connections?.stop();
      const force = runtime.timers.after(ms, () => server.closeAllConnections());
      await new Promise((resolve) => {
        server.close(resolve);
        sockets.letGo();
      });
      force.cancel();
    },
  };
}
