import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";

const root = path.resolve(import.meta.dirname, "../..");
const tsc = path.join(root, "node_modules/typescript/bin/tsc");
/** The compiler lives for two seconds, of which it would spend a fifth on collecting garbage. */
const env = { ...process.env, GOGC: "400" };

/** What users of the kit get wrong; each must fail to compile, with a message that can be read at a glance. */
const mistakes: Readonly<Record<string, string>> = {
  "an endpoint without its handler": `assemble(all, { routes: { PlaceOrder: placeOrder }, consumers: [] });`,
  "a call while the transaction is open": `handle(PlaceOrder, async ({ call, reply, body }) => reply(201, order(body)));`,
  "an effect while the transaction is open": `handle(PlaceOrder, async ({ effect, reply, body }) => reply(201, order(body)));`,
  "a resource while the transaction is open": `handle(GetOrder, async ({ gateway, reply }) => reply(200, order(gateway)));`,
  "publishing before there is a transaction": `handle(PlaceOrder, { prepare: async ({ publish }) => publish, run: async ({ reply, body }) => reply(201, order(body)) });`,
  "a status that the contract does not have": `handle(GetOrder, async ({ reply }) => reply(500, { title: "" }));`,
  "a field that would leak": `handle(PlaceOrder, async ({ body, reply }) => reply(201, { ...order(body), orderId: "", customerId: "", status: "pending", lines: body.lines, passwordHash: "" }));`,
  "a path parameter that is not there": `handle(GetOrder, async ({ params, reply }) => reply(200, order(params.id)));`,
  "a body of a GET": `handle(GetOrder, async ({ body, reply }) => reply(200, order(body)));`,
  "an event with fields missing": `on(CustomerCreated, async ({ publish }) => publish(OrderCreated, { orderId: "1" }));`,
  "a key that is no string of the data": `event("order.bad", { version: 1, key: "lines", summary: "", data: Order });`,
  "a name in the scope that is taken": `service("clash", { store, scope: ({ db }) => ({ publish: db }) });`,
  "a reply that is made by hand": `handle(GetOrder, async () => ({ status: 200, body: {} }));`,
  "a caller who may be nobody": `handle(GetOrder, async ({ caller, reply }) => reply(200, order(caller.id)));`,
  "a call in place of a dead letter": `on(CustomerCreated, { run: async () => {}, exhausted: async ({ call }) => void call });`,
  "an effect in place of a dead letter": `on(CustomerCreated, { run: async () => {}, exhausted: async ({ effect }) => void effect });`,
  "what was prepared in place of a dead letter": `on(CustomerCreated, { prepare: async () => 1, run: async () => {}, exhausted: async ({ prepared }) => void prepared });`,
  "a failure where nothing has failed": `on(CustomerCreated, { run: async ({ failure }) => void failure });`,
  "a route that is given up as messages are": `handle(GetOrder, { run: async ({ params, reply }) => reply(200, order(params.orderId)), exhausted: async () => {} });`,
  "a table that is not there": `handle(GetOrder, async ({ db, reply }) => reply(200, order(await db.selectFrom("orderz").selectAll().execute())));`,
  "a column of another type": `handle(PlaceOrder, async ({ db, body, reply }) => { await db.insertInto("orders").values({ orderId: 1 }).execute(); return reply(201, order(body)); });`,
};

const prelude = `
import { contracts, t, type Value } from "${root}/kit/contract/index.ts";
import { service } from "${root}/kit/service/index.ts";
import { snapshot, sql, table, text } from "${root}/kit/sql/index.ts";
const { endpoint, event } = contracts("orders");
const Line = t.Object({ sku: t.String(), quantity: t.Integer({ minimum: 1 }) });
const Order = t.Object({ orderId: t.String(), customerId: t.String(), status: t.Union([t.Literal("pending"), t.Literal("confirmed")]), lines: t.Array(Line) });
const OrderCreated = event("order.created", { version: 1, key: "orderId", summary: "", data: Order });
const CustomerCreated = contracts("customers").event("customer.created", { version: 1, key: "customerId", summary: "", data: t.Object({ customerId: t.String() }) });
const PlaceOrder = endpoint("POST /orders", { summary: "", access: "anyone", idempotent: true, body: t.Object({ customerId: t.String(), lines: t.Array(Line) }), replies: { 201: Order } });
const GetOrder = endpoint("GET /orders/{orderId}", { summary: "", access: "anyone", replies: { 200: Order } });
const all = { OrderCreated, PlaceOrder, GetOrder };
const tables = { orders: table({ orderId: text().primaryKey() }) };
const store = sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] });
const { handle, on, assemble } = service("orders", { store, scope: ({ db }) => ({ db }), resources: async () => ({ gateway: { charge: async (key: string) => key } }) });
declare const order: (from: unknown) => Value<typeof Order>;
const placeOrder = handle(PlaceOrder, {
  prepare: async ({ body, gateway, effect, call }) => ({ charge: await effect("charge", (key) => gateway.charge(key)), asked: await call(GetOrder, { params: { orderId: body.customerId } }) }),
  run: async ({ body, prepared, publish, newId, reply }) => {
    const placed = { orderId: newId(), customerId: prepared.asked.body.customerId, status: "pending" as const, lines: body.lines };
    publish(OrderCreated, placed);
    return reply(201, placed);
  },
});
const getOrder = handle(GetOrder, async ({ params, reply }) => reply(200, order(params.orderId)));
const exhausting = on(CustomerCreated, {
  prepare: async ({ data }) => data.customerId,
  run: async ({ prepared }) => void prepared.length,
  exhausted: async ({ data, failure, message, db, publish }) => {
    await db.insertInto("orders").values({ orderId: data.customerId + failure.code + failure.reason + String(failure.attempts - message.attempt) }).execute();
    publish(OrderCreated, { orderId: data.customerId, customerId: "", status: "pending", lines: [] });
  },
});
export const right = assemble(all, { routes: { PlaceOrder: placeOrder, GetOrder: getOrder }, consumers: [exhausting] });
void [handle, on, event, service, placeOrder, getOrder];
`;

const head = prelude.slice(0, prelude.indexOf("const placeOrder"));
const base = `${head}\nvoid [handle, on, assemble, order, all, CustomerCreated];\n`;
const many = Array.from({ length: 300 }, (_, at) => {
  const n = String(at);
  return `
const E${n} = event("thing.made-${n}", { version: 1, key: "id", summary: "", data: t.Object({ id: t.String(), a${n}: t.Integer(), b: t.Optional(t.Array(Line)) }) });
const P${n} = endpoint("POST /things-${n}/{id}", { summary: "", access: "user", idempotent: true, body: t.Object({ name: t.String(), x${n}: t.Integer(), lines: t.Array(Line) }), replies: { 201: t.Object({ id: t.String(), x${n}: t.Integer() }) } });
export const p${n} = handle(P${n}, async ({ params, body, publish, reply }) => { publish(E${n}, { id: params.id, a${n}: body.x${n}, b: body.lines }); return reply(201, { id: params.id, x${n}: body.x${n} }); });
export const o${n} = on(E${n}, async ({ data, publish }) => publish(E${n}, { id: data.id, a${n}: data.a${n} }));`;
});

interface Compiled {
  /** Lines, by the file that they are about. */
  readonly messages: ReadonlyMap<string, readonly string[]>;
  readonly instantiations: number;
}

describe("what the compiler says of users' code", () => {
  let compiled: Compiled = { messages: new Map(), instantiations: Number.NaN };
  before(() => {
    compiled = compile(base + many.join("\n"));
  });

  test("what is right compiles", () => {
    assert.ok(compiled.instantiations > 0, "the compiler came to its end");
    assert.deepEqual(
      [...compiled.messages.keys()].filter((name) => !/^m\d+$/.test(name)),
      [],
    );
  });
  // Mistakes do not compile, and are told in three lines at the most.
  for (const [at, name] of Object.keys(mistakes).entries()) {
    test(name, () => {
      const message = compiled.messages.get(`m${String(at)}`);
      assert.ok(message !== undefined, "it compiled");
      assert.ok(message.length <= 3, `${String(message.length)} lines:\n${message.join("\n")}`);
    });
  }

  test("300 endpoints and 300 events with their handlers cost less than half a million instantiations", () => {
    // The sources of the kit and of its libraries are compiled along; what all but the 300 cost is taken off.
    const cost = compiled.instantiations - compile(base).instantiations;
    assert.ok(cost > 0 && cost < 500_000, `${String(cost)} instantiations`);
  });
});

/** One program of all mistakes, of what is right and of `code`: most of what the compiler does is to read and check the kit. */
function compile(code: string): Compiled {
  const wrong = Object.values(mistakes).map((each, at): [string, string] => [
    `m${String(at)}.ts`,
    `${prelude}\n${each}\n`,
  ]);
  const folder = project({ "right.ts": prelude, "many.ts": code, ...Object.fromEntries(wrong) });
  try {
    const args = [tsc, "-p", folder, "--pretty", "false", "--extendedDiagnostics", "--checkers", "1"];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", env });
    const messages = new Map<string, string[]>();
    let current: string[] | undefined;
    for (const line of stdout.split("\n")) {
      const name = /^(?:.*\/)?([^/]+)\.ts\(\d+,\d+\): error/.exec(line)?.[1] ?? /^error TS\d+/.exec(line)?.[0];
      if (name !== undefined) {
        current = messages.get(name) ?? [];
        messages.set(name, current);
        current.push(line);
      } else if (line.startsWith(" ") && current !== undefined) current.push(line);
      else current = undefined;
    }
    return { messages, instantiations: Number(/^Instantiations:\s+(\d+)/m.exec(stdout)?.[1]) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A project with the settings of this one, in which its modules resolve. */
function project(files: Readonly<Record<string, string>>): string {
  const cache = path.join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, "types-"));
  // Proof: the project's own settings are JSON without comments.
  const { compilerOptions } = JSON.parse(readFileSync(path.join(root, "tsconfig.json"), "utf8")) as {
    compilerOptions: object;
  };
  const settings = { ...compilerOptions, noUnusedLocals: false, typeRoots: [path.join(root, "node_modules/@types")] };
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: settings, include: ["*.ts"] }));
  for (const [name, code] of Object.entries(files)) writeFileSync(path.join(folder, name), code);
  return folder;
}
