import { DatabaseSync } from "node:sqlite";
import path from "node:path";
import type { CrashLoad } from "holdfast/testing";
import type { Random } from "holdfast/runtime";
import type { Traffic, TrafficOptions } from "./client.ts";

const clients = 16;

/** Traffic without pause, and now and then a message from a stranger, of a type that somebody listens to. */
export function crashLoad(
  { data, random }: Pick<TrafficOptions, "data" | "random">,
  traffic: Traffic,
  strangers: string,
): CrashLoad {
  const stocked = traffic.stockUp();
  let paused = false;
  let stopped = false;
  let resumed = Promise.withResolvers<void>();
  const idle = new Set<number>();
  let turns = 0;
  const client = async (at: number): Promise<void> => {
    await stocked;
    while (!stopped) {
      if (paused) {
        idle.add(at);
        await resumed.promise;
        idle.delete(at);
        continue;
      }
      turns += 1;
      if (turns % 40 === 0) stranger(data, random, strangers);
      await traffic.one();
    }
  };
  const running = Array.from({ length: clients }, (_, at) => client(at));
  return {
    async pause() {
      paused = true;
      resumed = Promise.withResolvers();
      while (idle.size < clients)
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
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
function stranger(data: string, random: Random, type: string): void {
  try {
    const db = new DatabaseSync(path.join(data, "broker.db"), { timeout: 200 });
    const id = `stranger-${Math.floor(random.next() * 2 ** 50).toString(36)}`;
    db.prepare(
      `INSERT INTO log ("messageId", source, type, version, "key", time, "correlationId", headers, data, at) VALUES (?, '/strangers', ?, 99, ?, '2030-01-01T00:00:00.000Z', 'stranger', '{"x-odd":"header"}', '{"odd":1}', ?)`,
    ).run(id, type, id, Date.now());
    db.close();
  } catch {
    // The platform is not up yet, or has the file: another time.
  }
}
