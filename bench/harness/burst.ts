import { connect, type Socket } from "node:net";

export interface Burst {
  /** Ids of the orders that were accepted. */
  readonly accepted: readonly string[];
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** From the first byte sent to the last answer. */
  readonly ms: number;
  /** Milliseconds from request to answer, of those accepted. */
  readonly latencies: readonly number[];
}

const end = "\r\n\r\n";

/** One order over two products out of a thousand. */
function body(): string {
  const product = Math.floor(Math.random() * 999);
  return JSON.stringify({
    customer_id: `cus-${String(1 + Math.floor(Math.random() * 10_000))}`,
    items: [
      {
        sku: `sku-${String(product)}`,
        quantity: 1 + Math.floor(Math.random() * 4),
        unit_price_cents: 100 + Math.floor(Math.random() * 9_900),
      },
      { sku: `sku-${String(product + 1)}`, quantity: 1, unit_price_cents: 499 },
    ],
  });
}

export function requestTo(host: string): string {
  const text = body();
  return `POST /orders HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${String(text.length)}\r\n\r\n${text}`;
}

/** Answers as they come from a kept-alive connection; they may come in pieces, or several at once. */
export function answers(socket: Socket, each: (status: number, text: string) => void): void {
  let buffered = "";
  socket.setEncoding("latin1");
  socket.on("data", (piece: string) => {
    buffered += piece;
    for (;;) {
      const at = buffered.indexOf(end);
      if (at < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(buffered.slice(0, at))?.[1] ?? 0);
      const total = at + end.length + length;
      if (buffered.length < total) return;
      const text = buffered.slice(0, total);
      buffered = buffered.slice(total);
      each(Number(text.slice(9, 12)), text);
    }
  });
}

/** Closed loop: so many requests over so many kept-alive connections, one in flight on each. Written on sockets, so that it costs little beside what it measures. */
export async function burst(
  url: string,
  { requests, connections }: { requests: number; connections: number },
): Promise<Burst> {
  const { hostname, port, host } = new URL(url);
  const accepted: string[] = [];
  const latencies: number[] = [];
  const statuses = new Map<number, number>();
  let sent = 0;
  const began = performance.now();
  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(Number(port), hostname);
          socket.setNoDelay();
          let since = 0;
          const next = () => {
            if (sent >= requests) {
              socket.destroy();
              resolve();
              return;
            }
            sent += 1;
            since = performance.now();
            socket.write(requestTo(host));
          };
          answers(socket, (status, text) => {
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
            if (status === 201) {
              latencies.push(performance.now() - since);
              accepted.push(/"id":"([0-9a-f-]{36})"/.exec(text)?.[1] ?? "");
            }
            next();
          });
          socket.on("connect", next);
          socket.on("error", reject);
        }),
    ),
  );
  return { accepted, statuses, ms: performance.now() - began, latencies };
}
