import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Connections {
  /** Requests whose replies are not sent yet, on all connections. */
  inHand(): number;
  /**
   * Lets go of them: of those without a request in hand at once, silent ones too, of the others with the last reply that they wait for. Node's `close`
   * would wait for the client to hang up.
   */
  letGo(): void;
}

/** One connection. Replies leave it in the order of their requests: the last one that is in hand leaves last. */
interface InHand {
  count: number;
  last: ServerResponse | undefined;
}

/** Follows the connections of a server that does not listen yet. */
export function connectionsOf(server: Server): Connections {
  const connections = new Map<Socket, InHand>();
  let ending = false;
  let all = 0;
  server.on("connection", (socket) => {
    if (ending) {
      socket.destroy();
      return;
    }
    connections.set(socket, { count: 0, last: undefined });
    socket.once("close", () => connections.delete(socket));
  });
  // One for all replies, which is told by its emitter whose it is: every request would pay for a closure of its own.
  function closed(this: ServerResponse): void {
    all -= 1;
    const { socket } = this.req;
    const inHand = connections.get(socket);
    if (inHand === undefined) return;
    inHand.count -= 1;
    if (inHand.count > 0) return;
    inHand.last = undefined;
    if (ending) socket.destroySoon();
  }
  server.prependListener("request", ({ socket }, response) => {
    const inHand = connections.get(socket);
    if (inHand !== undefined) {
      inHand.count += 1;
      inHand.last = response;
    }
    all += 1;
    if (ending) response.setHeader("connection", "close");
    response.on("close", closed);
  });
  return {
    inHand: () => all,
    letGo() {
      ending = true;
      for (const [socket, { last }] of connections) {
        if (last === undefined) socket.destroy();
        else if (!last.headersSent) last.setHeader("connection", "close");
      }
    },
  };
}
