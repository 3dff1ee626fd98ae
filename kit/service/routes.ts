import { mayCall } from "../access/index.ts";
import {
  compile,
  convert,
  cutter,
  findBadText,
  findProblem,
  kitProblems,
  makeReply,
  paramsSchema,
  replySpec,
  type Endpoint,
  type FieldError,
  type MadeReply,
  type TSchema,
  type Validator,
} from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";
import type { Dispatch } from "./running.ts";

type Place = FieldError["in"];

interface Part {
  readonly place: Place;
  readonly schema: TSchema;
  readonly validator: Validator;
  /** Params of a path that has none: nothing to convert or to check where nothing came. */
  readonly none: boolean;
}

/** One endpoint, compiled: what comes in is validated, what goes out is cut to its schema. */
export interface CompiledRoute {
  readonly endpoint: Endpoint;
  readonly query: boolean;
  /** Converted and validated input; throws `kit/invalid-request` naming every wrong field, `kit/unauthenticated`, `kit/forbidden`. */
  admit(request: Dispatch): Input;
  encode(reply: MadeReply): StoredReply;
  /** True for a problem that this endpoint declares, or one of the kit's. */
  declares(error: unknown): boolean;
  readonly reply: typeof makeReply;
}

export interface Input {
  readonly params: unknown;
  readonly query?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
}

export function compileRoute(endpoint: Endpoint): CompiledRoute {
  const { spec } = endpoint;
  const parts: Part[] = [];
  const add = (place: Place, schema: TSchema | undefined, open = false) => {
    if (schema !== undefined) {
      const validator = compile(schema, { open });
      parts.push({ place, schema, validator, none: place === "params" && validator.check({}) });
    }
  };
  add("params", paramsSchema(endpoint));
  add("query", spec.query);
  add("headers", spec.headers, true);
  add("body", spec.body);
  const cutters = new Map<number, (value: unknown) => string>();
  for (const [status, reply] of Object.entries(spec.replies)) {
    const { body } = replySpec(reply);
    if (body !== undefined) cutters.set(Number(status), cutter(body));
  }
  const codes = new Set((spec.problems ?? []).map((problem) => problem.code));
  return {
    endpoint,
    query: endpoint.method === "GET",
    reply: makeReply,
    admit(request) {
      const access = mayCall(spec.access, request.caller);
      if (access === "unauthenticated") throw kitProblems.unauthenticated({});
      if (access === "forbidden") throw kitProblems.forbidden({});
      const input: Record<string, unknown> = {};
      const errors: FieldError[] = [];
      for (const { place, schema, validator, none } of parts) {
        if (none && isEmpty(request.params)) {
          input[place] = {};
          continue;
        }
        const value = place === "body" ? request.body : convert(schema, request[place]);
        if (!validator.check(value)) errors.push(...validator.errors(value).map((error) => ({ ...error, in: place })));
        else if (request.suspectText) {
          const bad = findBadText(value);
          if (bad !== undefined) errors.push({ ...bad, in: place });
        }
        input[place] = errors.length === 0 ? validator.normalise(value) : value;
      }
      if (spec.query === undefined)
        for (const name of Object.keys(request.query))
          errors.push({
            in: "query",
            field: `/${name}`,
            rule: "unknown",
            message: "is not a query parameter of this endpoint",
          });
      if (errors.length > 0) throw kitProblems.invalidRequest({ errors });
      // Proof: `add("params", …)` above put the key there for every endpoint.
      return input as unknown as Input;
    },
    encode({ status, body, headers }) {
      const cut = cutters.get(status);
      return { status, body: cut === undefined ? undefined : cut(body), headers: headers ?? {} };
    },
    declares: (error) => {
      const problem = findProblem(error);
      return problem !== undefined && (codes.has(problem.code) || problem.code.startsWith("kit/"));
    },
  };
}

function isEmpty(params: Dispatch["params"]): boolean {
  for (const _ in params) return false;
  return true;
}
