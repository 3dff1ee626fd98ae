import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { embeddedBroker } from "../brokers/index.ts";
import {
  findProblem,
  type Caller,
  type Endpoint,
  type EventContract,
  type EventData,
  type ReplyOf,
} from "../contract/index.ts";
import type { Envelope } from "../messaging/index.ts";
import { controlledRuntime, loadConfig, type ControlledRuntime, type Faults } from "../runtime/index.ts";
import { configSection, served, type CallRequest, type RunningService, type Service } from "../service/index.ts";
import {
  memoryLogger,
  parseTraceparent,
  type LogEntry,
  type Tracing,
  metricsRegistry,
  type Metrics,
} from "../telemetry/index.ts";
import { startSystem, type RunningSystem } from "../topology/index.ts";

export interface StartOptions {
  /** Settings as environment variables name them. */
  readonly env?: Readonly<Record<string, string>>;
  readonly seed?: number;
  /** Where the clock begins, in milliseconds since the epoch. @default 2030-01-01T00:00:00Z */
  readonly now?: number;
  readonly faults?: Faults;
  /** Starts on the data of another one, and leaves it there: instances, restarts. */
  readonly data?: string;
  /** Shares the clock of another one. */
  readonly runtime?: ControlledRuntime;
  /** Where tables are. @default SQLite files in `data` */
  readonly storeUrl?: string;
  /** Where documents are. @default SQLite files in `data` */
  readonly documentsUrl?: string;
  /** Events that nobody here publishes. */
  readonly foreignEvents?: readonly string[];
  /** Bugs of handlers fail the test when it ends, unless they are expected. @default false */
  readonly expectBugs?: boolean;
  /** Shows what happens as spans; closed by whoever made it. @default none */
  readonly tracing?: Tracing;
}

export type TestCall<E extends Endpoint> = CallRequest<E> & {
  readonly as?: Caller;
  /** IP address of the client. @default unknown */
  readonly from?: string;
};

/** Services at work on embedded engines, as in production but for the disk's sync. */
export interface TestSystem extends AsyncDisposable {
  readonly runtime: ControlledRuntime;
  readonly data: string;
  readonly system: RunningSystem;
  readonly log: readonly LogEntry[];
  /** Of all services that were started. */
  readonly metrics: Metrics;
  service(name: string): RunningService;
  /** The reply, whichever was declared; rejects with the problem. `as` says who asks. */
  call<E extends Endpoint>(endpoint: E, request: TestCall<E>): Promise<ReplyOf<E>>;
  /** Everything published of an event so far, in the order of the log, when all outboxes are empty. */
  published<E extends EventContract>(event: E): Promise<readonly EventData<E>[]>;
  /** Puts a message on the log as a foreign producer would. */
  inject(envelope: Partial<Envelope> & Pick<Envelope, "type" | "key" | "data">): Promise<string>;
  /** Resolves when outboxes and parked messages are empty and every consumer has caught up. */
  settled(): Promise<void>;
}

const waitMs = 30_000;
const longestPauseMs = 20;

/** Starts a service, or several, in milliseconds. `await using shop = await start(orders)` ends it, too. */
export async function start(services: Service | readonly Service[], options: StartOptions = {}): Promise<TestSystem> {
  const list = "kind" in services ? [services] : services;
  const config = loadConfig(list.map(configSection), { env: options.env ?? {} });
  await using begun = new AsyncDisposableStack();
  const data = options.data ?? (await mkdtemp(path.join(os.tmpdir(), "holdfast-test-")));
  if (options.data === undefined) begun.defer(() => rm(data, { recursive: true, force: true }));
  const runtime =
    options.runtime ??
    controlledRuntime({
      seed: options.seed ?? 1,
      ...(options.now === undefined ? {} : { now: options.now }),
      ...(options.faults === undefined ? {} : { faults: options.faults }),
    });
  const log = memoryLogger();
  const metrics = metricsRegistry(runtime);
  const bugs: unknown[] = [];
  const broker = await embeddedBroker({
    file: path.join(data, "broker.db"),
    durability: "none",
    runtime,
    log,
    metrics,
  });
  const system = await startSystem(list, {
    runtime,
    log,
    metrics,
    broker,
    data,
    storeUrl: options.storeUrl ?? `sqlite:${data}`,
    documentsUrl: options.documentsUrl ?? `sqlite:${data}`,
    durability: "none",
    config: ({ name }) => config.section(name),
    onFatal: (error) => bugs.push(error),
    onBug: (error) => bugs.push(error),
    tracing: options.tracing,
    foreignEvents: options.foreignEvents ?? list.flatMap(({ consumers }) => consumers.map(({ event }) => event.name)),
  });

  begun.defer(() => system.stop(5_000));
  const gone = begun.move();

  const service = (name: string): RunningService => {
    const found = system.services.find((running) => running.name === name);
    if (found === undefined) throw new Error(`${name} is not among the services that were started.`);
    return found;
  };
  const outboxesEmpty = async () =>
    (await Promise.all(system.services.map(({ store }) => store.depths()))).every(({ outbox }) => outbox === 0);
  return {
    runtime,
    data,
    system,
    log: log.entries,
    metrics,
    service,
    async call(endpoint, request) {
      // Proof: widening; which parts there are is what the type of the request says, and the service validates them.
      const given = request as Readonly<Record<string, never>> & {
        readonly as?: Caller;
        readonly from?: string;
        readonly idempotencyKey?: string;
      };
      const reply = await served(options.tracing?.of(endpoint.owner), { endpoint, trace: undefined }, (span) =>
        service(endpoint.owner).dispatch({
          endpoint,
          params: given["params"] ?? {},
          query: textOf(given["query"]),
          headers: textOf(given["headers"]),
          body: given["body"],
          suspectText: true,
          caller: given.as,
          idempotencyKey: given.idempotencyKey,
          address: given.from,
          deadline: runtime.clock.monotonic() + 10_000,
          signal: new AbortController().signal,
          requestId: runtime.ids.uuidv7(),
          correlationId: runtime.ids.uuidv7(),
          trace: span?.context ?? parseTraceparent(undefined, runtime.random),
        }),
      );
      const body: unknown = reply.body === undefined ? undefined : JSON.parse(reply.body);
      // Proof: cut to the schema that `ReplyOf<E>` is inferred from.
      return { status: reply.status, body, headers: reply.headers } as ReplyOf<typeof endpoint>;
    },
    async published<E extends EventContract>(event: E) {
      await until("the outboxes are empty", outboxesEmpty);
      const messages = await broker.read(event.name, 0, 1_000_000);
      // Proof: written by `publish`, which validates against the schema of the event.
      return messages.map(({ envelope }) => JSON.parse(String(envelope.data)) as EventData<E>);
    },
    async inject(envelope) {
      const message: Envelope = {
        id: runtime.ids.uuidv7(),
        source: "/foreign",
        version: 1,
        time: new Date(runtime.clock.now()).toISOString(),
        correlationId: "foreign",
        causationId: undefined,
        traceparent: undefined,
        headers: {},
        ...envelope,
      };
      await broker.publish({ name: "foreign", epoch: 1 }, [message]);
      return message.id;
    },
    async settled() {
      const lags = system.services.map((running) => async () => (await running.lag()) === 0);
      const depths = system.services.map(({ store }) => async () => {
        const { outbox, parked } = await store.depths();
        return outbox === 0 && parked === 0;
      });
      // Looked at one after another, stores may hand a message on behind the back of the look: two in a row must find nothing.
      let quiet = 0;
      /** The first that was not at rest: as long as it is not, the others need not be asked. */
      let busy: (() => Promise<boolean>) | undefined;
      await until("outboxes and parked messages are empty and every consumer has caught up", async () => {
        if (busy !== undefined && !(await busy())) return false;
        busy = (await firstBusy(lags)) ?? (await firstBusy(depths));
        quiet = busy === undefined ? quiet + 1 : 0;
        return quiet === 2;
      });
    },
    async [Symbol.asyncDispose]() {
      await gone.disposeAsync();
      if (bugs.length > 0 && options.expectBugs !== true)
        throw new AggregateError(
          bugs,
          `Handlers failed with what they do not declare: ${bugs.map((bug) => findProblem(bug)?.code ?? String(bug)).join("; ")}`,
        );
    },
  };
}

function textOf(parts: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const text: Record<string, string> = {};
  for (const [name, value] of Object.entries(parts ?? {}))
    if (value !== undefined) text[name] = typeof value === "string" ? value : JSON.stringify(value);
  return text;
}

/** Asks all at the same time. */
async function firstBusy(looks: readonly (() => Promise<boolean>)[]) {
  const atRest = await Promise.all(looks.map((look) => look()));
  return looks[atRest.indexOf(false)];
}

/** Asks again until it is so, the less often the longer it takes; after half a minute it throws, naming what never came. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now();
  while (!(await holds())) {
    const waited = performance.now() - begun;
    if (waited > waitMs) throw new Error(`It never came that ${what}.`);
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(longestPauseMs, 2 + waited / 8));
    });
  }
}

export const user = (id: string, ...roles: readonly string[]): Caller => ({ kind: "user", id, roles });
export const operator = (id = "operator"): Caller => user(id, "operator");
export const asService = (name: string): Caller => ({ kind: "service", name });
