import { jsonSchema, kitProblems, privateTexts, type Endpoint } from "../contract/index.ts";
import {
  knownStore,
  remember,
  showsSending,
  showsTicks,
  startConsumer,
  startHousekeeping,
  startRelay,
  startSchedules,
  watchStore,
  type Broker,
  type KeyClaim,
  type StoredReply,
} from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { noMetrics, notEnded, Withholding, type Logger, type Metrics, type Tracing } from "../telemetry/index.ts";
import { admissions as admissionsOn } from "./admission.ts";
import { Claims } from "./claims.ts";
import { consumerOf, workerOf } from "./consumers.ts";
import { metered } from "./metered.ts";
import { readiness, type Check } from "./readiness.ts";
import { schedulesOf } from "./schedules.ts";
import { clashes, handlerName } from "./faults.ts";
import { compileRoute, type CompiledRoute } from "./routes.ts";
import { deadLetterOperations, type Operation } from "./operations.ts";
import type { Dispatch, RunningService } from "./running.ts";
import type { Service } from "./service.ts";
import { Handler } from "./handler.ts";
import type { Calls, Cause, Surroundings } from "./unit-context.ts";

export interface Environment {
  readonly runtime: Runtime;
  readonly log: Logger;
  /** @default nothing is counted */
  readonly metrics?: Metrics | undefined;
  readonly broker: Broker;
  readonly calls: Calls;
  /** Validated settings of the service. */
  readonly config: unknown;
  /** The folder in which the process keeps its files. */
  readonly data: string;
  /** Where tables are: `sqlite:<folder>` or `postgres://…`. */
  readonly storeUrl: string;
  /** Where documents are: `sqlite:<folder>` or `mongodb://…`. */
  readonly documentsUrl: string;
  readonly durability: "full" | "none";
  /** The process cannot go on: its store is not to be trusted. */
  readonly onFatal: (error: unknown) => void;
  /** Told of every refusal that is not declared and every error that becomes a 500: tests fail on it. */
  readonly onBug?: ((error: unknown) => void) | undefined;
  /** @default none */
  readonly tracing?: Tracing | undefined;
}

/** Opens the store, builds the resources, starts relay and consumers. A stop ends all of it, last begun first, and so does a start that fails. */
export async function startService(service: Service, environment: Environment): Promise<RunningService> {
  const { runtime, broker, metrics = noMetrics } = environment;
  const { spec, name } = service;
  const log = environment.log.child({ service: name });
  const stopping = new AbortController();
  /** When what is at work has to end, by the monotonic clock: at once where the start fails. */
  let deadline = runtime.clock.monotonic();
  const failures: unknown[] = [];
  await using begun = new AsyncDisposableStack();
  const atEnd = (end: () => Promise<void> | void) => {
    begun.defer(async () => {
      try {
        await end();
      } catch (error) {
        // The rest ends all the same; and why it could not start is what is told of a start that failed.
        notEnded(log)(error);
        failures.push(error);
      }
    });
  };
  let resources: object = {};
  atEnd(() => dispose(resources));
  const url = spec.store.engine === "documents" ? environment.documentsUrl : environment.storeUrl;
  const known = knownStore({ data: environment.data, name, url });
  const store = await spec.store.open({
    name,
    url,
    known,
    durability: environment.durability,
    runtime,
    log,
    metrics,
    onFatal: environment.onFatal,
  });
  atEnd(() => store.close());
  remember(known, store.id, log);
  const watch = watchStore({ check: () => store.check() }, runtime, log);
  atEnd(() => watch.stop());
  atEnd(() => stopping.abort());
  // Proof: `config` was validated against the same schema that typed the callback.
  const config = environment.config as never;
  resources = (await spec.resources?.({ config, data: environment.data, runtime, signal: stopping.signal, log })) ?? {};
  const taken = clashes(resources);
  if (taken.length > 0)
    throw new Error(
      `${name}: ${taken.join(", ")} of the resources are given to every handler already: name them otherwise.`,
    );
  const spans = environment.tracing?.of(name);
  const surroundings: Surroundings = { runtime, log, calls: environment.calls, spans };
  const now = () => new Date(runtime.clock.now());
  const scopeOf = (
    access: object,
    { caller, correlationId, id }: Pick<Cause, "caller" | "correlationId" | "id">,
  ): object =>
    // Proof: `access` is what the store of this very spec gives, `config` as above.
    spec.scope({ ...access, config, caller, correlationId, causationId: id, now } as never);
  const shadowed = clashes(scopeOf(store.outside, { caller: undefined, correlationId: "", id: "" }));
  if (shadowed.length > 0)
    throw new Error(
      `${name}: ${shadowed.join(", ")} of the scope are given to every handler already: name them otherwise.`,
    );
  const jobs = new Set(service.jobs.map(({ job }) => job));
  const admissions = admissionsOn(runtime.clock, store);
  const inUnit = { scopeOf, surroundings, resources, jobs, around: spec.around, admissions };

  const routes = new Map(
    service.routes.map((route) => [
      route.endpoint.route,
      new Handler(route, compileRoute(route.endpoint), store, inUnit),
    ]),
  );
  const operations = new Map(
    deadLetterOperations(name).map((operation) => [
      operation.endpoint.route,
      { ...operation, route: compileRoute(operation.endpoint) },
    ]),
  );
  const claims = new Claims(runtime);
  const owner = `pid:${String(process.pid)}:${runtime.ids.uuidv7()}`;
  const subscriptions = service.consumers.map((consumer) => consumerOf(name, consumer, inUnit));
  const workers = service.jobs.map((handler) => workerOf(name, handler, inUnit));
  const scheduled = schedulesOf(service, surroundings);
  const meter = metered({
    metrics,
    clock: runtime.clock,
    service: name,
    store,
    broker,
    subscriptions: [...subscriptions, ...workers].map((each) => each.name),
    events: describe(service).events.map((event) => event.name),
    schedules: scheduled.map((schedule) => schedule.name),
  });
  atEnd(() => meter.stop());
  await broker.ensure({
    topics: service.contracts.flatMap((contract) => (contract.kind === "event" ? [contract.name] : [])),
    groups: subscriptions.map(({ form }) => ({ group: name, topic: form.name })),
  });
  const outward = spans === undefined ? meter.broker : showsSending(meter.broker, spans);
  const relay = startRelay({ store, broker: outward, runtime, log, service: name, owner });
  atEnd(() => relay.drain(deadline));
  const consumer = await startConsumer({
    store: meter.store,
    broker: meter.broker,
    runtime,
    log,
    service: name,
    owner,
    subscriptions,
    jobs: workers,
    spans,
  });
  atEnd(() => consumer.drain(deadline));
  const ticking = spans === undefined ? meter.store : showsTicks(meter.store, spans);
  const schedules = startSchedules({ store: ticking, runtime, log, schedules: scheduled });
  atEnd(() => schedules.stop());
  const housekeeping = startHousekeeping({ store, runtime, log });
  atEnd(() => housekeeping.stop());

  const operate = async ({ run, route }: Operation & { readonly route: CompiledRoute }, request: Dispatch) => {
    try {
      const actor = request.caller?.kind === "user" ? request.caller.id : "";
      return route.encode(await run(store, route.admit(request), actor));
    } catch (error) {
      throw failure(error, route, request);
    }
  };
  const failure = (error: unknown, route: CompiledRoute, request: Dispatch): unknown => {
    if (route.declares(error)) return error;
    environment.onBug?.(error);
    const told = new Withholding(error, () => privateParts(request));
    log.error("handler failed", { handler: handlerName(route.endpoint), error: told });
    return kitProblems.internal({});
  };

  const once = (handler: Handler, request: Dispatch, claim: KeyClaim): Promise<StoredReply> => {
    const input = handler.route.admit(request);
    return claims.run(claim, request.deadline, {
      stored: () => store.stored(claim),
      first: () => handler.runAdmitted(request, input, claim),
    });
  };

  const ownChecks = Object.entries(spec.health).map(
    // Proof: `resources` were made by the same spec whose checks take them.
    ([name, run]): [string, Check] => [name, () => run(resources as never).then(() => undefined)],
  );
  const unready = readiness(runtime, [
    ["store", () => watch.fault()],
    ["broker", () => broker.fault?.()],
    ...ownChecks,
    ["stopping", () => Promise.resolve(stopping.signal.aborted ? "the service is shutting down" : undefined)],
  ]);
  const running = begun.move();
  const end = async (ms: number) => {
    stopping.abort();
    deadline = runtime.clock.monotonic() + ms;
    await running.disposeAsync();
    if (failures.length > 0) throw failures[0];
  };
  let stopped: Promise<void> | undefined;
  return {
    ...describe(service),
    store,
    admissions,
    async dispatch(request) {
      if (stopping.signal.aborted) throw kitProblems.unavailable({ reason: "The service is shutting down." });
      const operation = operations.get(request.endpoint.route);
      if (operation !== undefined) return operate(operation, request);
      const handler = routes.get(request.endpoint.route);
      if (handler === undefined) throw kitProblems.notFound({});
      try {
        const claim = handler.route.claim(request);
        return await (claim === undefined ? handler.run(request, undefined) : once(handler, request, claim));
      } catch (error) {
        throw failure(error, handler.route, request);
      }
    },
    unready,
    lag: () => consumer.lag(),
    stop: (ms) => (stopped ??= end(ms)),
  };
}

/** What an error may quote of a request, and a log may not. */
function privateParts({ endpoint: { spec }, body, query, headers, idempotencyKey }: Dispatch): ReadonlySet<string> {
  const declared = Object.keys(spec.headers === undefined ? {} : (jsonSchema(spec.headers).properties ?? {}));
  return new Set([
    ...(body instanceof Uint8Array ? [] : privateTexts(spec.body, body)),
    ...privateTexts(spec.query, query),
    ...privateTexts(spec.headers, Object.fromEntries(declared.map((name) => [name, headers[name]]))),
    ...(idempotencyKey === undefined ? [] : [idempotencyKey]),
  ]);
}

/** What others can know of a service without running it. */
export function describe({
  name,
  routes,
  contracts,
}: Service): Pick<RunningService, "name" | "endpoints" | "events" | "problems"> {
  return {
    name,
    endpoints: [...routes, ...deadLetterOperations(name)].map(({ endpoint }): Endpoint => endpoint),
    events: contracts.filter((contract) => contract.kind === "event"),
    problems: contracts.filter((contract) => contract.kind === "problem"),
  };
}

async function dispose(resources: object): Promise<void> {
  await using all = new AsyncDisposableStack();
  for (const resource of Object.values(resources)) if (isDisposable(resource)) all.use(resource);
}

const has = (value: unknown, name: symbol): boolean =>
  typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "function";
const isDisposable = (value: unknown): value is AsyncDisposable | Disposable =>
  has(value, Symbol.asyncDispose) || has(value, Symbol.dispose);
