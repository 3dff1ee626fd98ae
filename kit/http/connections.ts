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

/** Follows the connections of a server that does not listen yet. */
export function connectionsOf(server: Server): Connections {
  const connections = new Map<Socket, Set<ServerResponse>>();
  let ending = false;
  let all = 0;
  server.on("connection", (socket) => {
    if (ending) {
      socket.destroy();
      return;
    }
    connections.set(socket, new Set());
    socket.once("close", () => connections.delete(socket));
  });
  server.prependListener("request", ({ socket }, response) => {
    const inHand = connections.get(socket);
    inHand?.add(response);
    all += 1;
    if (ending) response.setHeader("connection", "close");
    response.once("close", () => {
      inHand?.delete(response);
      all -= 1;
      if (ending && inHand?.size === 0) socket.destroySoon();
    });
  });
  return {
    inHand: () => all,
    letGo() {
      ending = true;
      for (const [socket, inHand] of connections) {
        const last = [...inHand].at(-1);
        if (last === undefined) socket.destroy();
        else if (!last.headersSent) last.setHeader("connection", "close");
      }
    },
  };
}
