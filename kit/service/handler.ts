import type { MadeReply } from "../contract/index.ts";
import type { Settled, Store, StoredReply } from "../messaging/index.ts";
import type { Admission } from "./admission.ts";
import { replayed } from "./claims.ts";
import type { Route } from "./definition.ts";
import { handlerName } from "./faults.ts";
import type { RequestIdentity } from "./identity.ts";
import type { Undo } from "./given.ts";
import { aroundGiven, opened, type InUnit } from "./in-unit.ts";
import type { CompiledRoute } from "./routes.ts";
import { Preparing } from "./preparing.ts";
import type { Dispatch } from "./running.ts";
import { inStep } from "./spans.ts";
import { always, enqueuer, outside, publisher, type Cause } from "./unit-context.ts";

/** What is known when the unit begins. */
interface BeforeUnit {
  readonly cause: Cause;
  /** What came in. */
  readonly base: object;
  readonly prepared: unknown;
}

/** One route at work. */
export class Handler {
  readonly route: CompiledRoute;
  readonly #definition: Route;
  readonly #store: Store<object>;
  readonly #in: InUnit;
  readonly #label: string;
  readonly #repeatable: boolean;
  readonly #admission: Admission;
  /** Undefined without `prepare`. */
  readonly preparing: Preparing | undefined;

  constructor(definition: Route, route: CompiledRoute, store: Store<object>, inUnit: InUnit) {
    this.#definition = definition;
    this.route = route;
    this.#store = store;
    this.#in = inUnit;
    const { endpoint } = route;
    this.#label = handlerName(endpoint);
    this.#admission = inUnit.admissions[route.query ? "reads" : "writes"];
    this.preparing = definition.prepare === undefined ? undefined : new Preparing();
    this.#repeatable = endpoint.spec.idempotent === true || !["POST", "PATCH"].includes(endpoint.method);
  }

  /** @param identity of a request with an Idempotency-Key */
  async run(request: Dispatch, input: object, identity?: RequestIdentity): Promise<StoredReply> {
    const cause = this.#cause(request, identity);
    const base = { ...input, caller: request.caller };
    const { preparing } = this;
    if (preparing === undefined) return this.#settle({ cause, base, prepared: undefined }, identity);
    let undos: Undo[] = [];
    const prepare = () => preparing.during(cause.signal, () => this.#prepare(cause, base, (undos = [])));
    try {
      const ended = identity === undefined ? { prepared: await prepare() } : await identity.preparing(prepare);
      if ("reply" in ended) return replayed(ended.reply);
      return await this.#settle({ cause, base, prepared: ended.prepared }, identity);
    } catch (error) {
      await this.#in.undoing.run(undos.reverse(), error, cause);
      if (identity !== undefined && this.route.declares(error)) await identity.failed(error);
      throw error;
    }
  }

  async #settle(given: BeforeUnit, identity: RequestIdentity | undefined): Promise<StoredReply> {
    this.#admission.enter();
    try {
      const settled = await this.#unit(given, identity);
      return settled.kind === "replayed" ? replayed(settled.reply) : settled.value;
    } finally {
      this.#admission.leave();
    }
  }

  #prepare(cause: Cause, base: object, undos: Undo[]): Promise<unknown> {
    const { surroundings, scopeOf, resources } = this.#in;
    return inStep(surroundings.spans, "prepare", cause, async (step) =>
      this.#definition.prepare?.({
        ...resources,
        ...scopeOf(this.#store.outside, step),
        ...outside(step, surroundings),
        undo: (act: Undo) => void undos.push(act),
        ...base,
        // Proof: assembled from the same parts that typed `prepare`.
      } as never),
    );
  }

  #unit(given: BeforeUnit, identity: RequestIdentity | undefined): Promise<Settled<StoredReply>> {
    const { surroundings, jobs } = this.#in;
    const { cause } = given;
    const label = this.#label;
    const { deadline } = cause;
    if (this.route.query)
      return inStep(surroundings.spans, "run", cause, async (step) => ({
        kind: "committed",
        value: await this.#store.query({
          label,
          deadline,
          work: ({ access }) => this.#run(step, access, given, undefined),
        }),
      }));
    return inStep(surroundings.spans, "run", cause, (step) =>
      this.#store.unit<StoredReply>({
        label,
        deadline,
        ...(identity === undefined ? undefined : { key: identity.claim, encode: (reply) => reply }),
        work: (unit) =>
          this.#run(step, unit.access, given, {
            publish: publisher(step, surroundings, unit),
            enqueue: enqueuer(step, surroundings, unit, jobs),
          }),
      }),
    );
  }

  async #run(cause: Cause, access: object, given: BeforeUnit, lettingOut: object | undefined): Promise<StoredReply> {
    const { document } = this.#definition;
    const named = document === undefined ? undefined : await opened(document, access, given.base);
    // Proof: `Replied` is made by `reply` alone, and `around` has nothing else to return.
    return this.route.encode((await this.#called(cause, access, given, { ...lettingOut, ...named })) as MadeReply);
  }

  #called(cause: Cause, access: object, { base, prepared }: BeforeUnit, more: object): Promise<unknown> {
    const { surroundings, scopeOf, around } = this.#in;
    // New ids, also under a key: they are stored with the reply or not at all.
    const { now, newId, random, signal, log } = always(cause, surroundings, () => surroundings.runtime.ids.uuidv7());
    const { reply } = this.route;
    // One literal, which V8 gives one shape, and then the names that not every route has: spreads one after another take four times as long.
    const own = { ...scopeOf(access, cause), now, newId, random, signal, log, reply, prepared };
    // Proof: assembled from the same parts that typed `run`.
    const given = Object.assign(own, base, more) as never;
    const { run } = this.#definition;
    return around === undefined ? run(given) : around(aroundGiven(cause, surroundings), () => run(given));
  }

  #cause(request: Dispatch, identity: RequestIdentity | undefined): Cause {
    return new RequestCause(request, this.#label, {
      service: this.route.endpoint.owner,
      identity,
      repeatable: this.#repeatable,
    });
  }
}

/** A request as a cause. Its trace is read, or made, when something is let out: most requests let out nothing, and where there are spans it is theirs. */
class RequestCause implements Cause {
  readonly handler: string;
  readonly service: string;
  readonly identity: RequestIdentity | undefined;
  readonly repeatable: boolean;
  readonly id: string;
  readonly correlationId: string;
  readonly caller: Dispatch["caller"];
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly callChain: Dispatch["callChain"];
  readonly #request: Dispatch;

  constructor(
    request: Dispatch,
    handler: string,
    { service, identity, repeatable }: Pick<RequestCause, "service" | "identity" | "repeatable">,
  ) {
    this.handler = handler;
    this.service = service;
    this.identity = identity;
    this.repeatable = repeatable;
    this.id = request.requestId;
    this.correlationId = request.correlationId;
    this.caller = request.caller;
    this.deadline = request.deadline;
    this.signal = request.signal;
    this.callChain = request.callChain;
    this.#request = request;
  }

  get trace(): Cause["trace"] {
    return this.#request.trace;
  }
}
