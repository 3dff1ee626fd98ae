import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { connectionAccepted, handleInTurn, type Runtime } from "../runtime/index.ts";

export interface Connections {
  /** Requests that were begun and whose replies are not sent yet, on all connections. */
  inHand(): number;
  /** Requests that wait to be begun. */
  waiting(): number;
  /** Requests of this connection whose replies are not sent yet. */
  onConnection(socket: Socket): number;
  /** Whether the connection is beyond the limit. */
  isSpare(socket: Socket): boolean;
  /** Begins a request when the turn of the event loop has time for it. */
  begin(response: ServerResponse, handle: () => void): void;
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

/** So many connections are accepted beyond the limit, for a second each: health is answered there. */
const spareConnections = 64;
const spareMs = 1_000;

/** Follows the connections of a server that does not listen yet. */
export function connectionsOf(server: Server, limit: number, { timers }: Pick<Runtime, "timers">): Connections {
  server.maxConnections = limit + spareConnections;
  const connections = new Map<Socket, InHand>();
  const spare = new WeakSet<Socket>();
  let ending = false;
  let begun = 0;
  let waiting = 0;
  const ended = () => {
    begun -= 1;
  };
  server.on("connection", (socket) => {
    if (ending) {
      socket.destroy();
      return;
    }
    connectionAccepted();
    const isSpare = connections.size >= limit;
    connections.set(socket, { count: 0, last: undefined });
    socket.once("close", () => connections.delete(socket));
    if (!isSpare) return;
    spare.add(socket);
    const end = timers.after(spareMs, () => socket.destroy());
    socket.once("close", () => end.cancel());
  });
  // One for all replies, which is told by its emitter whose it is: every request would pay for a closure of its own.
  function closed(this: ServerResponse): void {
    const { socket } = this.req;
    const inHand = connections.get(socket);
    if (inHand === undefined) return;
    inHand.count -= 1;
    if (inHand.count > 0) return;
    inHand.last = undefined;
    if (ending) socket.destroySoon();
  }
  // Of those that Node closes at once, as there are too many.
  server.on("drop", connectionAccepted);
  server.prependListener("request", ({ socket }, response) => {
    const inHand = connections.get(socket);
    if (inHand !== undefined) {
      inHand.count += 1;
      inHand.last = response;
    }
    if (ending || spare.has(socket)) response.setHeader("connection", "close");
    response.on("close", closed);
  });
  return {
    inHand: () => begun,
    waiting: () => waiting,
    isSpare: (socket) => spare.has(socket),
    onConnection: (socket) => connections.get(socket)?.count ?? 0,
    begin(response, handle) {
      waiting += 1;
      handleInTurn(() => {
        waiting -= 1;
        if (response.destroyed) return;
        begun += 1;
        response.on("close", ended);
        handle();
      });
    },
    letGo() {
      ending = true;
      for (const [socket, { last }] of connections) {
        if (last === undefined) socket.destroy();
        else if (!last.headersSent) last.setHeader("connection", "close");
      }
    },
  };
}
