import net from "node:net";
import {
  isUnknown,
  jsonSchema,
  mediaTypesOf,
  paramsSchema,
  parseKeepingDigits,
  plain,
  type Endpoint,
  type JsonSchema,
} from "../contract/index.ts";

/** A request that the endpoint accepts. */
export interface Sample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes where the contract says `bytes(…)`. */
  readonly body?: unknown;
  readonly token?: string;
}

/** A request that differs from an accepted one in one thing, and what its refusal must name. */
export interface BadInput {
  readonly what: string;
  readonly head: readonly string[];
  readonly body: Buffer;
  /** Text that the problem must contain. */
  readonly names: string;
}

interface Parts {
  readonly path: string;
  /** Values of Host headers. */
  readonly hosts: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** Everything that can be wrong with a request to this endpoint, one thing a case, derived from its schemas. */
export function badInputs(endpoint: Endpoint, sample: Sample): readonly BadInput[] {
  const cases: BadInput[] = [];
  const good = partsOf(endpoint, sample);
  const add = (what: string, names: string, change: Partial<Parts>) =>
    cases.push(caseOf(endpoint, what, { names, parts: { ...good, ...change } }));
  for (const [name, schema] of Object.entries(jsonSchema(paramsSchema(endpoint)).properties ?? {})) {
    if (schema.format === "uuid")
      add(`the parameter ${name} is no uuid`, `/${name}`, {
        path: partsOf(endpoint, { ...sample, params: { ...sample.params, [name]: "no-uuid" } }).path,
      });
    add(`the parameter ${name} holds NUL`, `/${name}`, {
      path: partsOf(endpoint, { ...sample, params: { ...sample.params, [name]: "a%00b" } }).path,
    });
  }
  add("the query has an unknown field", "/surprise", {
    path: `${good.path}${good.path.includes("?") ? "&" : "?"}surprise=1`,
  });
  add("the query is not percent-encoded", "percent-encoded", {
    path: `${good.path}${good.path.includes("?") ? "&" : "?"}a=%zz`,
  });
  add("the address is too long", "kit/", { path: `${good.path}?${"x".repeat(20_000)}` });
  add("the token is no token", "kit/unauthenticated", {
    headers: { ...good.headers, authorization: "Bearer not.a.token" },
  });
  add("the Host header is missing", "Host header", { hosts: [] });
  add("the Host header is repeated", "Host header", { hosts: ["localhost", "localhost"] });
  for (const ms of ["-1", "1.5", "soon"])
    add(`X-Request-Timeout is ${ms}`, "/x-request-timeout", { headers: { ...good.headers, "x-request-timeout": ms } });
  for (const [name, schema] of Object.entries(
    endpoint.spec.query === undefined ? {} : (jsonSchema(endpoint.spec.query).properties ?? {}),
  )) {
    const rest = (sample.query ?? "").split("&").filter((part) => part !== "" && !part.startsWith(`${name}=`));
    const withValue = (values: readonly string[]) =>
      `${partsOf(endpoint, { ...sample, query: [...rest, ...values.map((value) => `${name}=${value}`)].join("&") }).path}`;
    if (schema.type === "integer")
      for (const value of ["x", "1.5", "1e400", String(2 ** 53), "-9007199254740993", ...outside(schema)])
        add(`the query's ${name} is ${value}`, `/${name}`, { path: withValue([value]) });
    if (schema.format === "uuid") add(`the query's ${name} is no uuid`, `/${name}`, { path: withValue(["no-uuid"]) });
    if (name === "cursor")
      for (const [what, value] of foreignCursors)
        add(`the query's cursor ${what}`, "/cursor", { path: withValue([value]) });
    if (schema.type !== "array") add(`the query's ${name} is repeated`, `/${name}`, { path: withValue(["1", "2"]) });
    else if (typeof schema["maxItems"] === "number")
      add(`the query's ${name} is repeated too often`, `/${name}`, {
        path: withValue(Array<string>(schema["maxItems"] + 1).fill("1")),
      });
    if ((schema.type === "array" ? schema.items : schema)?.type === "string")
      add(`the query's ${name} is empty or wrong`, `/${name}`, { path: withValue([""]) });
  }
  if (endpoint.spec.idempotent === true) {
    for (const key of ["", "a b", "x".repeat(256), "ü"])
      add(`the Idempotency-Key is ${JSON.stringify(key.slice(0, 5))}`, "kit/idempotency-key-invalid", {
        headers: { ...good.headers, "idempotency-key": key },
      });
  }
  if (endpoint.spec.body !== undefined) bodyCases(endpoint, sample, { good, add });
  else if (endpoint.method !== "GET") add("a body that is not asked for", "body", { body: Buffer.from("{}") });
  return cases;
}

/** Whole numbers beside the bounds of a schema. */
function outside({ minimum, maximum }: JsonSchema): readonly string[] {
  return [
    ...(typeof minimum === "number" ? [String(minimum - 1)] : []),
    ...(typeof maximum === "number" ? [String(maximum + 1)] : []),
  ];
}

/** Texts that no list gives as its `next`: base64url of a position, and of none. */
const foreignCursors: readonly (readonly [what: string, cursor: string])[] = [
  ["is no base64url of JSON", "zzz"],
  ...["null", "{}", "[1]", "1", "1.5", "1e400", '"abc"', '"a\\u0000b"', '"\\ud800"'].map(
    (position) => [`is the position ${position}`, Buffer.from(position).toString("base64url")] as const,
  ),
];

type Add = (what: string, names: string, change: Partial<Parts>) => void;

function bodyCases(
  { spec }: Endpoint,
  { body }: Sample,
  { good, add }: { readonly good: Parts; readonly add: Add },
): void {
  const raw = (what: string, names: string, bytes: Buffer | string) => add(what, names, { body: Buffer.from(bytes) });
  const media = (type: string | undefined) => {
    const { "content-type": _dropped, ...rest } = good.headers;
    return { headers: type === undefined ? rest : { ...rest, "content-type": type } };
  };
  raw("the body is missing", "body", "");
  raw("the body is too large", "kit/body-too-large", `{"a":"${"x".repeat(300_000)}"}`);
  add("the content type is missing", "content type", media(undefined));
  add("the content type is another one", "content type", media("text/enriched"));
  add("the body is said to be compressed", "content encoding", {
    headers: { ...good.headers, "content-encoding": "gzip" },
  });
  if (mediaTypesOf(spec.body) !== undefined) return;
  const text = JSON.stringify(body);
  raw("the body is cut off", "kit/malformed-json", text.slice(0, -1));
  raw("the body has a trailing comma", "kit/malformed-json", text.replace(/\}$/, ",}"));
  raw("the body is NaN", "NaN", "NaN");
  for (const [name, value] of Object.entries(body ?? {}))
    raw(`${name} is repeated`, `"/${name}"`, `${text.slice(0, -1)},"${name}":${JSON.stringify(value)}}`);
  raw("the body is two documents", "kit/malformed-json", `${text} ${text}`);
  raw(
    "the body is not UTF-8",
    "UTF-8",
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
  );
  raw("the body begins with a byte order mark", "byte order mark", `\ufeff${text}`);
  raw("the body is UTF-16", "kit/", Buffer.from(text, "utf16le"));
  raw("the body is nested too deeply", "depth", `${"[".repeat(50)}${"]".repeat(50)}`);
  raw("a field is called __proto__", "__proto__", text.replace(/^\{/, '{"__proto__":{},').replace(",}", "}"));
  add("the charset is latin-1", "charset", media("application/json; charset=latin1"));
  for (const { field, value, what } of wrongValues(plain(jsonSchema(spec.body ?? {})), body, ""))
    raw(`${field === "" ? "the body" : field} ${what}`, `"${field}"`, JSON.stringify(replaced(body, field, value)));
}

interface Wrong {
  readonly field: string;
  readonly value: unknown;
  readonly what: string;
}
const dropped = Symbol("dropped");

/** Values that do not fit, each with the pointer of the field that is wrong. */
function* wrongValues(schema: JsonSchema, value: unknown, field: string): Generator<Wrong> {
  const types: Readonly<Record<string, unknown>> = {
    string: "text",
    integer: 7,
    boolean: true,
    null: null,
    object: {},
    array: [],
  };
  for (const [type, other] of Object.entries(types)) {
    if (type !== schema.type && !(schema.type === "number" && type === "integer"))
      yield { field, value: other, what: `is of type ${type}` };
  }
  if (schema.type === "string") {
    yield { field, value: "a\u0000b", what: "holds NUL" };
    yield { field, value: "a\ud800b", what: "holds half a surrogate pair" };
    if (typeof schema["minLength"] === "number" && schema["minLength"] > 0)
      yield { field, value: "x".repeat(schema["minLength"] - 1), what: "is too short" };
    if (typeof schema["maxLength"] === "number")
      yield { field, value: "x".repeat(schema["maxLength"] + 1), what: "is too long" };
    if (schema.format !== undefined) yield { field, value: "%", what: `is no ${schema.format}` };
    if (schema["pattern"] !== undefined) yield { field, value: "\u00a0", what: "does not match its pattern" };
  }
  if (schema.type === "integer") {
    yield { field, value: 1.5, what: "is no whole number" };
    if (typeof schema["minimum"] === "number") yield { field, value: schema["minimum"] - 1, what: "is too small" };
    if (typeof schema["maximum"] === "number") yield { field, value: schema["maximum"] + 1, what: "is too large" };
    yield { field, value: 2 ** 53, what: "is beyond what numbers hold exactly" };
  }
  if (schema.type === "number" || isUnknown(schema))
    yield { field, value: parseKeepingDigits("9007199254740993"), what: "would lose a digit" };
  if (schema.items !== undefined && Array.isArray(value)) {
    if (typeof schema["minItems"] === "number" && schema["minItems"] > 0)
      yield { field, value: [], what: "has too few items" };
    if (typeof schema["maxItems"] === "number")
      yield {
        field,
        value: Array<unknown>(schema["maxItems"] + 1).fill(value[0]),
        what: "has too many items",
      };
    yield* wrongValues(schema.items, value[0], `${field}/0`);
  }
  if (schema.properties !== undefined && typeof value === "object" && value !== null) {
    yield { field: `${field}/surprise`, value: 1, what: "is not in the contract" };
    for (const [name, part] of Object.entries(schema.properties)) {
      if (schema.required?.includes(name) === true)
        yield { field: `${field}/${name}`, value: dropped, what: "is missing" };
      yield* wrongValues(part, Reflect.get(value, name), `${field}/${name}`);
    }
  }
}

function replaced(body: unknown, field: string, value: unknown): unknown {
  if (field === "") return value;
  const copy: unknown = structuredClone(body);
  const names = field.slice(1).split("/");
  let at: unknown = copy;
  for (const name of names.slice(0, -1)) at = typeof at === "object" && at !== null ? Reflect.get(at, name) : undefined;
  const last = names.at(-1) ?? "";
  if (typeof at === "object" && at !== null) {
    if (value === dropped) Reflect.deleteProperty(at, last);
    else Reflect.set(at, last, value);
  }
  return copy;
}

function partsOf({ path, spec }: Endpoint, { params = {}, query, headers, body, token }: Sample): Parts {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? "");
  return {
    path: query === undefined || query === "" ? filled : `${filled}?${query}`,
    hosts: ["localhost"],
    headers: {
      ...(spec.body === undefined ? {} : { "content-type": mediaTypesOf(spec.body)?.[0] ?? "application/json" }),
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body:
      spec.body === undefined
        ? undefined
        : body instanceof Uint8Array
          ? Buffer.from(body)
          : Buffer.from(JSON.stringify(body)),
  };
}

function caseOf(
  { method }: Endpoint,
  what: string,
  { parts, names }: { readonly parts: Parts; readonly names: string },
): BadInput {
  const { path, hosts, headers, body = Buffer.alloc(0) } = parts;
  const length = method === "GET" ? [] : [`content-length: ${String(body.length)}`];
  const fields = [...hosts.map((host) => ["host", host]), ...Object.entries(headers)];
  const lines = fields.map(([name, value]) => `${String(name)}: ${String(value)}`);
  return {
    what,
    names,
    body,
    head: [`${method} ${path} HTTP/1.1`, "connection: close", ...lines, ...length],
  };
}

/** The accepted request itself, to be sent first. */
export const goodInput = (endpoint: Endpoint, sample: Sample): BadInput =>
  caseOf(endpoint, "accepted", { names: "", parts: partsOf(endpoint, sample) });

export interface RawReply {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Sends bytes as they are, so that what is no valid request can be sent, too. */
export function sendRaw(url: string, { head, body }: BadInput): Promise<RawReply> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.setTimeout(5_000, () => socket.destroy(new Error("no answer after 5 s")));
    socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
    // A server that has answered may close before all was sent.
    socket.on("error", (error) => (chunks.length === 0 ? reject(error) : undefined));
    socket.on("close", () => {
      const answer = Buffer.concat(chunks).toString("utf8");
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
      resolve({
        status,
        contentType: /content-type: ([^\r]*)/i.exec(answer)?.[1] ?? "",
        text: answer.slice(answer.indexOf("\r\n\r\n") + 4),
      });
    });
    socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
  });
}

/** Sends every case; gives what was not refused as it must be, as sentences. */
export async function checkBadInputs(url: string, cases: readonly BadInput[]): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const bad of cases) {
    const { status, contentType, text } = await sendRaw(url, bad);
    const say = (fault: string) =>
      faults.push(`${bad.head[0]?.slice(0, 80) ?? ""}: ${bad.what}: ${fault}: ${String(status)} ${text.slice(0, 300)}`);
    if (status < 400 || status > 499) say("it is no 4xx");
    else if (!contentType.startsWith("application/problem+json")) say(`the reply is ${contentType}`);
    else if (!text.includes(bad.names)) say(`it does not name ${bad.names}`);
  }
  return faults;
}
