import type { MadeReply } from "../contract/index.ts";
import type { KeyClaim, Store, StoredReply } from "../messaging/index.ts";
import type { Admission } from "./admission.ts";
import { replayed } from "./claims.ts";
import type { Route } from "./definition.ts";
import { handlerName } from "./faults.ts";
import { aroundGiven, opened, type InUnit } from "./in-unit.ts";
import type { CompiledRoute } from "./routes.ts";
import type { Dispatch } from "./running.ts";
import { inStep } from "./spans.ts";
import { always, enqueuer, outside, publisher, type Cause } from "./unit-context.ts";

/** One route at work. */
export class Handler {
  readonly route: CompiledRoute;
  readonly #definition: Route;
  readonly #store: Store<object>;
  readonly #in: InUnit;
  readonly #label: string;
  readonly #repeatable: boolean;
  readonly #admission: Admission;

  constructor(definition: Route, route: CompiledRoute, store: Store<object>, inUnit: InUnit) {
    this.#definition = definition;
    this.route = route;
    this.#store = store;
    this.#in = inUnit;
    const { endpoint } = route;
    this.#label = handlerName(endpoint);
    this.#admission = inUnit.admissions[route.query ? "reads" : "writes"];
    this.#repeatable = endpoint.spec.idempotent === true || !["POST", "PATCH"].includes(endpoint.method);
  }

  run(request: Dispatch, claim: undefined): Promise<StoredReply> {
    return this.runAdmitted(request, this.route.admit(request), claim);
  }

  async runAdmitted(request: Dispatch, input: object, claim: KeyClaim | undefined): Promise<StoredReply> {
    const { surroundings, scopeOf, resources } = this.#in;
    const cause = this.#cause(request, claim?.scope);
    const { spans } = surroundings;
    const base = { ...input, caller: request.caller };
    const { prepare, run, document } = this.#definition;
    const prepared =
      prepare === undefined
        ? undefined
        : await inStep(spans, "prepare", cause, (step) =>
            prepare({
              ...resources,
              ...scopeOf(this.#store.outside, step),
              ...outside(step, surroundings),
              ...base,
              // Proof: assembled from the same parts that typed `prepare`.
            } as never),
          );
    const work = async (cause: Cause, access: object, lettingOut: object | undefined): Promise<StoredReply> => {
      const named = document === undefined ? undefined : await opened(document, access, base);
      const { now, newId, random, signal, log } = always(cause, surroundings, "run");
      const { reply: made } = this.route;
      // One literal, which V8 gives one shape, and then the names that not every route has: spreads one after another take four times as long.
      const own = { ...scopeOf(access, cause), now, newId, random, signal, log, reply: made, prepared };
      // Proof: assembled from the same parts that typed `run`.
      const given = Object.assign(own, base, lettingOut, named) as never;
      const next = () => run(given);
      const reply = await (this.#in.around === undefined
        ? next()
        : this.#in.around(aroundGiven(cause, surroundings), next));
      // Proof: `Replied` is made by `reply` alone, and `around` has nothing else to return.
      return this.route.encode(reply as MadeReply);
    };
    const label = this.#label;
    const { deadline } = request;
    this.#admission.enter();
    try {
      if (this.route.query)
        return await inStep(spans, "run", cause, (step) =>
          this.#store.query({ label, deadline, work: ({ access }) => work(step, access, undefined) }),
        );
      const settled = await inStep(spans, "run", cause, (step) =>
        this.#store.unit<StoredReply>({
          label,
          deadline,
          ...(claim === undefined ? {} : { key: claim, encode: (reply) => reply }),
          work: (unit) =>
            work(step, unit.access, {
              publish: publisher(step, surroundings, unit),
              enqueue: enqueuer(step, surroundings, unit, this.#in.jobs),
            }),
        }),
      );
      return settled.kind === "replayed" ? replayed(settled.reply) : settled.value;
    } finally {
      this.#admission.leave();
    }
  }

  #cause(request: Dispatch, identity: string | undefined): Cause {
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
  readonly identity: string | undefined;
  readonly repeatable: boolean;
  readonly id: string;
  readonly correlationId: string;
  readonly caller: Dispatch["caller"];
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly #request: Dispatch;

  constructor(
    request: Dispatch,
    handler: string,
    { service, identity, repeatable }: Pick<Cause, "service" | "identity" | "repeatable">,
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
    this.#request = request;
  }

  get trace(): Cause["trace"] {
    return this.#request.trace;
  }
}
