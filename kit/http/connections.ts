import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Follows the connections of a server that does not listen yet. The function that it gives lets go of them: those without a request in hand at
 * once, silent ones too, the others with the last reply that they wait for. Node's `close` would wait for the client to hang up.
 */
export function lettingGo(server: Server): () => void {
  const connections = new Map<Socket, Set<ServerResponse>>();
  let ending = false;
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
    if (ending) response.setHeader("connection", "close");
    response.once("close", () => {
      inHand?.delete(response);
      if (ending && inHand?.size === 0) socket.destroySoon();
    });
  });
  return () => {
    ending = true;
    for (const [socket, inHand] of connections) {
      const last = [...inHand].at(-1);
      if (last === undefined) socket.destroy();
      else if (!last.headersSent) last.setHeader("connection", "close");
    }
  };
}
