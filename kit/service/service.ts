import type { Contract, Endpoint, EventContract, JobContract } from "../contract/index.ts";
import type { ConfigFaults, ConfigSection, FieldSchema, Settings } from "../runtime/index.ts";
import type {
  AroundGiven,
  Consumer,
  ConsumerOptions,
  JobHandler,
  JobOptions,
  ResourcesGiven,
  Route,
  ScopeGiven,
  StoreSpec,
} from "./definition.ts";
import type { DocumentBy, WithDocument } from "./document.ts";
import type {
  Failed,
  JobGiven,
  JobMessage,
  JobPrepareGiven,
  JobSteps,
  Message,
  MessageGiven,
  MessagePrepareGiven,
  MessageSteps,
  NoClash,
  Prepared,
  Request,
  RouteGiven,
  RoutePrepareGiven,
  RouteSteps,
  RunJob,
  RunMessage,
  RunRoute,
} from "./given.ts";

export interface ServiceOptions<
  Access,
  Resources extends object,
  Scope extends object,
  Config extends Record<string, FieldSchema>,
> {
  readonly store: StoreSpec<Access>;
  /** Settings of this service; see `loadConfig`. */
  readonly config?: Config;
  /** What is wrong with them together. @default nothing */
  readonly configFaults?: ConfigFaults<Settings<Config>>;
  /** What reaches outside: built once a process, disposed in reverse, given to `prepare` only. */
  readonly resources?: (given: ResourcesGiven<Settings<Config>>) => Promise<Resources & NoClash<Resources>>;
  /** Built for every unit of work, the same for routes, consumers and jobs. */
  readonly scope: (given: ScopeGiven<Access, Settings<Config>>) => Scope & NoClash<Scope>;
  /** In place of middleware: once around every `run` and `exhausted`, inside its unit. */
  readonly around?: (given: AroundGiven, next: () => Promise<unknown>) => Promise<unknown>;
  /** Checks of readiness by name; one that throws makes the service unready, with its message as the reason. */
  readonly health?: Readonly<Record<string, (resources: Resources) => Promise<void>>>;
}

/** The erased form of the options, as the host uses them. */
export interface ServiceSpec {
  readonly name: string;
  readonly store: StoreSpec<object>;
  readonly config: Readonly<Record<string, FieldSchema>>;
  readonly configFaults: ConfigFaults<never> | undefined;
  readonly resources: ((given: ResourcesGiven<never>) => Promise<object>) | undefined;
  readonly scope: (given: never) => object;
  readonly around: ((given: AroundGiven, next: () => Promise<unknown>) => Promise<unknown>) | undefined;
  readonly health: Readonly<Record<string, (resources: never) => Promise<void>>>;
}

export interface ServiceBuilder<Resources, Scope> {
  /** A route: one function that is the transaction, or an object with `run` and what stands beside it, such as `prepare`; with a store of documents, the document that it changes comes first. */
  readonly handle: {
    <const E extends Endpoint>(endpoint: E, run: RunRoute<E, Scope>): Route<E, RouteGiven<E, Scope>>;
    <const E extends Endpoint, P>(
      endpoint: E,
      steps: RouteSteps<E, Scope, Resources, P>,
    ): Route<E, RouteGiven<E, Scope> & Prepared<P>, RoutePrepareGiven<E, Scope, Resources>>;
    <const E extends Endpoint, T>(
      endpoint: E,
      document: DocumentBy<Request<E>, T>,
      run: RunRoute<E, Scope & WithDocument<T>>,
    ): Route<E, RouteGiven<E, Scope> & WithDocument<T>>;
    <const E extends Endpoint, T, P>(
      endpoint: E,
      document: DocumentBy<Request<E>, T>,
      steps: RouteSteps<E, Scope, Resources, P, WithDocument<T>>,
    ): Route<E, RouteGiven<E, Scope> & WithDocument<T> & Prepared<P>, RoutePrepareGiven<E, Scope, Resources>>;
  };
  /** A consumer of an event, with the same forms. */
  readonly on: {
    <const E extends EventContract>(event: E, run: RunMessage<E, Scope>): Consumer<E, MessageGiven<E, Scope>>;
    <const E extends EventContract, P>(
      event: E,
      steps: MessageSteps<E, Scope, Resources, P> & ConsumerOptions<E>,
    ): Consumer<
      E,
      MessageGiven<E, Scope> & Prepared<P>,
      MessagePrepareGiven<E, Scope, Resources>,
      MessageGiven<E, Scope> & Failed
    >;
    <const E extends EventContract, T>(
      event: E,
      document: DocumentBy<Message<E>, T>,
      run: RunMessage<E, Scope & WithDocument<T>>,
    ): Consumer<E, MessageGiven<E, Scope> & WithDocument<T>>;
    <const E extends EventContract, T, P>(
      event: E,
      document: DocumentBy<Message<E>, T>,
      steps: MessageSteps<E, Scope, Resources, P, WithDocument<T>> & ConsumerOptions<E>,
    ): Consumer<
      E,
      MessageGiven<E, Scope> & WithDocument<T> & Prepared<P>,
      MessagePrepareGiven<E, Scope, Resources>,
      MessageGiven<E, Scope> & WithDocument<T> & Failed
    >;
  };
  /** The handler of a job, with the same forms. */
  readonly job: {
    <const J extends JobContract>(job: J, run: RunJob<J, Scope>): JobHandler<J, JobGiven<J, Scope>>;
    <const J extends JobContract, P>(
      job: J,
      steps: JobSteps<J, Scope, Resources, P> & JobOptions<J>,
    ): JobHandler<
      J,
      JobGiven<J, Scope> & Prepared<P>,
      JobPrepareGiven<J, Scope, Resources>,
      JobGiven<J, Scope> & Failed
    >;
    <const J extends JobContract, T>(
      job: J,
      document: DocumentBy<JobMessage<J>, T>,
      run: RunJob<J, Scope & WithDocument<T>>,
    ): JobHandler<J, JobGiven<J, Scope> & WithDocument<T>>;
    <const J extends JobContract, T, P>(
      job: J,
      document: DocumentBy<JobMessage<J>, T>,
      steps: JobSteps<J, Scope, Resources, P, WithDocument<T>> & JobOptions<J>,
    ): JobHandler<
      J,
      JobGiven<J, Scope> & WithDocument<T> & Prepared<P>,
      JobPrepareGiven<J, Scope, Resources>,
      JobGiven<J, Scope> & WithDocument<T> & Failed
    >;
  };
  /** Puts the service together: every endpoint among the contracts has its route, by name. */
  readonly assemble: <C extends Readonly<Record<string, unknown>>>(contracts: C, parts: Parts<C>) => Service;
}

type RoutesOf<C> = {
  readonly [K in keyof C as C[K] extends Endpoint ? K : never]: C[K] extends Endpoint ? Route<C[K]> : never;
};
export interface Parts<C> {
  readonly routes: RoutesOf<C>;
  readonly consumers: readonly Consumer[];
  /** @default none */
  readonly jobs?: readonly JobHandler[];
}

/** A service, put together and not yet started. */
export interface Service {
  readonly kind: "service";
  readonly name: string;
  readonly spec: ServiceSpec;
  readonly contracts: readonly Contract[];
  readonly routes: readonly Route[];
  readonly consumers: readonly Consumer[];
  readonly jobs: readonly JobHandler[];
}

/** The settings of a service, for `loadConfig`. */
export const configSection = ({ name, spec }: Service): ConfigSection => ({
  name,
  fields: spec.config,
  faults: spec.configFaults,
});

/** Steps as they are held: what they are given is known to their builder only. */
interface HeldSteps {
  readonly prepare?: (given: never) => Promise<unknown>;
  readonly run: (given: never) => Promise<unknown>;
  readonly exhausted?: (given: never) => Promise<unknown>;
}
type Held = ((given: never) => Promise<unknown>) | HeldSteps;

interface HeldParts {
  readonly routes: Readonly<Record<string, Route>>;
  readonly consumers: readonly Consumer[];
  readonly jobs?: readonly JobHandler[];
}

export function service<
  Access extends object,
  Scope extends object,
  Resources extends object = object,
  const Config extends Record<string, FieldSchema> = Record<never, FieldSchema>,
>(name: string, options: ServiceOptions<Access, Resources, Scope, Config>): ServiceBuilder<Resources, Scope> {
  const spec: ServiceSpec = {
    name,
    store: options.store,
    config: options.config ?? {},
    configFaults: options.configFaults,
    resources: options.resources,
    scope: options.scope,
    around: options.around,
    health: options.health ?? {},
  };
  /** The document, where the second argument names one; the steps and what stands beside them. */
  const parts = (...rest: readonly unknown[]) => {
    // Proof: the overloads above let nothing else through.
    const [document, given] = (rest.length === 2 ? rest : [undefined, ...rest]) as [
      DocumentBy<never, unknown> | undefined,
      Held,
    ];
    const steps: HeldSteps = typeof given === "function" ? { run: given } : given;
    const { prepare, run, exhausted, ...options } = steps;
    return { by: spec, document, prepare, run, exhausted, options };
  };
  return {
    handle: (endpoint: Endpoint, ...rest: readonly unknown[]) => ({
      kind: "route" as const,
      endpoint,
      ...parts(...rest),
    }),
    on: (event: EventContract, ...rest: readonly unknown[]) => ({
      kind: "consumer" as const,
      event,
      ...parts(...rest),
    }),
    job: (job: JobContract, ...rest: readonly unknown[]) => ({ kind: "job" as const, job, ...parts(...rest) }),
    assemble: (contracts: Readonly<Record<string, unknown>>, { routes, consumers, jobs = [] }: HeldParts): Service => ({
      kind: "service",
      name,
      spec,
      contracts: Object.values(contracts).filter(isContract),
      routes: Object.values(routes),
      consumers,
      jobs,
    }),
    // Proof: the overloads above differ from these bodies only in what the steps are given, which the bodies never look at.
  } as unknown as ServiceBuilder<Resources, Scope>;
}

function isContract(value: unknown): value is Contract {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || !("kind" in value)) return false;
  return value.kind === "endpoint" || value.kind === "event" || value.kind === "problem";
}
