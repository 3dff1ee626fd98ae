import { remember, steadyClock, watchStore, type Broker, type KnownStore } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { noMetrics, type Logger, type Metrics } from "../telemetry/index.ts";
import { Log } from "./log.ts";
import { Member } from "./member.ts";

export interface EmbeddedOptions {
  /** The file of the log; shared by all processes of the machine. */
  readonly file: string;
  /** `none`: tests only. */
  readonly durability: "full" | "none";
  readonly runtime: Runtime;
  readonly log: Logger;
  /** @default nothing is counted */
  readonly metrics?: Metrics;
  /** The disk failed at a commit: the process should end. @default a line in the log */
  readonly onFatal?: (error: unknown) => void;
  /** What the data folder remembers of the log: another one, or none, is refused. @default nothing is remembered */
  readonly known?: KnownStore | undefined;
  /** Publishing beyond this size of the file is refused with `kit/broker-full`. @default the disk decides */
  readonly maxBytes?: number;
}

export interface EmbeddedBroker extends Broker {
  /** Drops a chunk of what every group has passed and retention (7 days) is over for; true while there is more. Runs by itself every minute. */
  trim(now: number): Promise<boolean>;
}

const renewMs = 1_000;
const trimMs = 60_000;

/** A durable log in one SQLite file. A topic's messages go to one member of each group at a time: whoever holds the lease. */
export async function embeddedBroker(options: EmbeddedOptions): Promise<EmbeddedBroker> {
  const { file, durability, runtime, log, known, maxBytes, metrics = noMetrics } = options;
  const onFatal = options.onFatal ?? ((error: unknown) => log.critical("the broker's disk failed", { error }));
  const store = await Log.open({ file, durability, runtime, metrics, onFatal, maxBytes, known });
  if (known !== undefined) remember(known, store.id, log);
  const open = new Set<Member>();
  const renewing = runtime.timers.every(renewMs, () => {
    for (const member of open) void member.renew();
  });
  const watch = watchStore({ name: "broker", check: () => store.check() }, runtime, log);
  const isSteady = steadyClock(runtime.clock);
  const trimAll = async () => {
    // What a wrong clock takes for old would be gone for good.
    if (!isSteady()) return;
    try {
      while (await store.trim(runtime.clock.now()));
    } catch (error) {
      log.warn("the log could not be trimmed; the next minute tries again", { error });
    }
  };
  const trimming = runtime.timers.every(trimMs, () => void trimAll());
  return {
    name: "embedded",
    ensure: ({ groups }) => store.ensure(groups),
    publish: (producer, messages) => store.append(producer, messages),
    async subscribe(subscribe) {
      await store.ensure([subscribe]);
      const onLeave = () => {
        for (const other of open) other.wake();
      };
      const member = new Member({ store, subscribe, runtime, log, onLeave });
      open.add(member);
      return {
        lag: () => member.lag(),
        async close() {
          await member.close();
          open.delete(member);
        },
      };
    },
    fault: () => watch.fault(),
    read: (topic, after, limit) => store.read(topic, after, limit),
    trim: (now) => store.trim(now),
    async close() {
      await Promise.all([...open].map((member) => member.close()));
      watch.stop();
      renewing.cancel();
      trimming.cancel();
      await store.close();
    },
  };
}
