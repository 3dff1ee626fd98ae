import { DatabaseSync } from "node:sqlite";
import path from "node:path";
import type { CrashLoad } from "holdfast/testing";
import type { Random } from "holdfast/runtime";
import { write } from "./ledger.ts";

const clients = 16;
const retryMs = 20;

/** Customers and their orders, placed without pause; a request without an answer is repeated under its key until it has one. */
export function commerceLoad({
  random,
  data,
  url,
}: {
  readonly random: Random;
  readonly data: string;
  readonly url: () => string;
}): CrashLoad {
  const customers: string[] = [];
  let paused = false;
  let stopped = false;
  let resumed = Promise.withResolvers<void>();
  const idle = new Set<number>();
  let number = 0;
  const run = Math.floor(random.next() * 2 ** 32).toString(16);

  const send = async (address: string, key: string, body: unknown): Promise<void> => {
    for (;;) {
      try {
        const reply = await fetch(`${url()}${address}`, {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": key },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(5_000),
        });
        const answer: unknown = await reply.json();
        if (reply.status < 500 && reply.status !== 409) {
          const id = idOf(answer);
          write(data, { kind: "answered", key, status: reply.status, id });
          if (reply.status === 201 && address === "/customers") customers.push(id);
          return;
        }
      } catch {
        // Killed in between, or not up yet: the same key again.
      }
      await pause(retryMs);
    }
  };
  const one = async (): Promise<void> => {
    number += 1;
    const key = `${run}-${String(number)}`;
    const customerId = customers[Math.floor(random.next() * customers.length)];
    if (customerId === undefined || random.next() < 0.3) {
      write(data, { kind: "sent", key, what: "customer" });
      await send("/customers", key, { name: `Customer ${key}`, email: `${key}@example.com` });
      return;
    }
    write(data, { kind: "sent", key, what: "order", customerId });
    await send("/orders", key, {
      customerId,
      lines: [{ sku: `sku-${String(number % 50)}`, quantity: 1 + (number % 3) }],
    });
  };
  const client = async (at: number): Promise<void> => {
    while (!stopped) {
      if (paused) {
        idle.add(at);
        await resumed.promise;
        idle.delete(at);
        continue;
      }
      if (number % 40 === 0) strangers(data, random);
      await one();
    }
  };
  const running = Array.from({ length: clients }, (_, at) => client(at));
  return {
    async pause() {
      paused = true;
      resumed = Promise.withResolvers();
      while (idle.size < clients) await pause(retryMs);
    },
    resume() {
      paused = false;
      resumed.resolve();
    },
    async stop() {
      stopped = true;
      paused = false;
      resumed.resolve();
      await Promise.all(running);
    },
  };
}

/** A foreign producer puts a message of a version that nobody knows on the log: it must end in the dead letters, and hold up nothing. */
function strangers(data: string, random: Random): void {
  try {
    const db = new DatabaseSync(path.join(data, "broker.db"), { timeout: 200 });
    const id = `stranger-${Math.floor(random.next() * 2 ** 50).toString(36)}`;
    db.prepare(
      `INSERT INTO log ("messageId", source, type, version, "key", time, "correlationId", headers, data, at) VALUES (?, '/strangers', 'customer.created', 99, ?, '2030-01-01T00:00:00.000Z', 'stranger', '{"x-odd":"header"}', '{"odd":1}', ?)`,
    ).run(id, id, Date.now());
    db.close();
  } catch {
    // The platform is not up yet, or has the file: another time.
  }
}

const idOf = (answer: unknown): string => {
  if (typeof answer !== "object" || answer === null) return "";
  if ("orderId" in answer) return String(answer.orderId);
  return "customerId" in answer ? String(answer.customerId) : "";
};

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
