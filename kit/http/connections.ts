import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { connectionAccepted, handleInTurn, type Runtime } from "../runtime/index.ts";
import { CountedReply, type Connection, type PortCounts } from "./counted-reply.ts";
import type { HttpLimits } from "./limits.ts";

export interface Connections {
  /** Requests that are being handled, on all connections: their bodies have arrived, and their replies are not written yet. */
  inHand(): number;
  /** Requests that wait to be begun. */
  waiting(): number;
  /** Requests of this connection whose replies are not sent yet. */
  onConnection(socket: Socket): number;
  /** Whether the connection is beyond the limit. */
  isSpare(socket: Socket): boolean;
  /**
   * Whether a request must be ignored. Node drops bytes that arrive together with a request for an upgrade, so its reply closes the connection, and what
   * is read after it may be the middle of a dropped message.
   */
  isOutOfStep(request: IncomingMessage, response: ServerResponse): boolean;
  /** Begins a request when the turn of the event loop has time for it, and the client has read earlier replies of the connection. */
  begin(response: ServerResponse, handle: () => void): void;
  /**
   * Lets go of them: of those without a request in hand at once, silent ones too, of the others with the last reply that they wait for. Node's `close`
   * would wait for the client to hang up.
   */
  letGo(): void;
}

/** So many connections are accepted beyond the limit, for a second each: health is answered there. */
const spareConnections = 64;
const spareMs = 1_000;

/** A connection begins no further request while more bytes of its replies are unread. */
const unreadBytes = 65_536;

type ConnectionLimits = Pick<HttpLimits, "connections" | "unreadMs">;

/** Follows the connections of a server that does not listen yet, and whose replies are `CountedReply`. */
export function connectionsOf(
  server: Server,
  { connections: limit, unreadMs }: ConnectionLimits,
  { timers }: Pick<Runtime, "timers">,
): Connections {
  server.maxConnections = limit + spareConnections;
  const connections = new Map<Socket, Connection>();
  const spare = new WeakSet<Socket>();
  const outOfStep = new WeakSet<Socket>();
  const port: PortCounts = { inHand: 0 };
  let ending = false;
  let waiting = 0;
  server.on("connection", (socket) => {
    if (ending) {
      socket.destroy();
      return;
    }
    connectionAccepted();
    const isSpare = connections.size >= limit;
    const counts = { count: 0, last: undefined, inHand: 0, queuedBytes: 0, held: [], resuming: false, closed: false };
    const connection: Connection = { socket, port, unreadMs, ...counts };
    connections.set(socket, connection);
    socket.once("close", () => {
      connections.delete(socket);
      // Node does not close replies that wait for others.
      connection.closed = true;
      port.inHand -= connection.inHand;
      connection.held.length = 0;
    });
    if (!isSpare) return;
    spare.add(socket);
    const end = timers.after(spareMs, () => socket.destroy());
    socket.once("close", () => end.cancel());
  });
  // An idle connection, or one whose replies nobody reads. A handler may take longer than the timeout.
  server.on("timeout", (socket: Socket) => {
    if (socket.writableLength > 0 || (connections.get(socket)?.count ?? 0) === 0) socket.destroy();
  });
  // One function for all replies: a closure for each request would cost more.
  function closed(this: CountedReply): void {
    this.settle();
    const connection = this.connectionCounts;
    if (connection === undefined || connection.closed) return;
    connection.count -= 1;
    resume(connection);
    if (connection.count > 0) return;
    connection.last = undefined;
    if (ending) connection.socket.destroySoon();
  }
  // Of those that Node closes at once, as there are too many.
  server.on("drop", connectionAccepted);
  server.prependListener("request", ({ socket }, response) => {
    const connection = connections.get(socket);
    if (connection !== undefined) {
      connection.count += 1;
      connection.last = response;
      if (response instanceof CountedReply) response.follow(connection).on("close", closed);
    }
    if (ending || spare.has(socket)) response.setHeader("connection", "close");
  });
  return {
    inHand: () => port.inHand,
    waiting: () => waiting,
    isSpare: (socket) => spare.has(socket),
    onConnection: (socket) => connections.get(socket)?.count ?? 0,
    isOutOfStep({ socket, headers }, response) {
      if (outOfStep.has(socket)) return true;
      if (headers.upgrade === undefined) return false;
      outOfStep.add(socket);
      response.setHeader("connection", "close");
      return false;
    },
    begin(response, handle) {
      const connection = connections.get(response.req.socket);
      const run = () => {
        if (response.destroyed) return;
        if (response instanceof CountedReply) response.enterHand();
        handle();
      };
      waiting += 1;
      handleInTurn(() => {
        waiting -= 1;
        if (connection !== undefined && (connection.held.length > 0 || isUnread(connection))) connection.held.push(run);
        else run();
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

const isUnread = ({ queuedBytes, socket }: Connection): boolean => queuedBytes + socket.writableLength > unreadBytes;

/** Begins the held requests one by one, in their order. Called whenever a reply has left. */
function resume(connection: Connection): void {
  const { held } = connection;
  if (connection.resuming || held.length === 0) return;
  connection.resuming = true;
  handleInTurn(() => {
    connection.resuming = false;
    if (isUnread(connection)) return;
    held.shift()?.();
    resume(connection);
  });
}
