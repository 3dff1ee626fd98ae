import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem } from "../contract/index.ts";
import { mongodb, starter } from "../documents/fixtures/mongodb.ts";
import { serveHttp } from "../http/index.ts";
import { silentLogger } from "../telemetry/index.ts";
import { asService, start as startSystem, user } from "../testing/index.ts";
import { Buy, tickets, type Gateway } from "./fixtures/tickets.ts";
import { networkOf } from "./keys.ts";

const gateway: Gateway = { charge: (key) => Promise.resolve(key), soldOut: () => false, reminded: () => {} };
const stores = [
  { name: "sql", kind: "tables", start: startSystem },
  { name: "documents", kind: "documents", start: startSystem },
  ...(mongodb === undefined
    ? []
    : [{ name: "documents on MongoDB", kind: "documents", start: starter(mongodb) } as const]),
] as const;
const body = { show: "opera", cents: 1 };
const uuid = "7d9f6c3e-0b1a-4c55-9a37-2f6f2a3f9c11";

for (const { name, kind, start } of stores) {
  test(`${name}: equal short keys of two guests are two requests, each with its replay; a long key is one`, async () => {
    await using system = await start(tickets(kind, gateway));
    const buy = async (idempotencyKey: string, from?: string) => {
      const asked = { query: {}, body, idempotencyKey, ...(from === undefined ? {} : { from }) };
      const { body: ticket, headers } = await system.call(Buy, asked);
      return { id: ticket.ticketId, replayed: headers["idempotency-replayed"] === "true" };
    };
    const [one, two] = [await buy("order-1001", "192.0.2.1"), await buy("order-1001", "192.0.2.2")];
    assert.deepEqual([one.replayed, two.replayed, one.id === two.id], [false, false, false]);
    // The same machine: its IPv4 address mapped into IPv6, another address of its /64.
    assert.deepEqual(await buy("order-1001", "::ffff:192.0.2.1"), { id: one.id, replayed: true });
    const six = await buy("order-1001", "2001:db8:1:2::7");
    assert.equal(six.replayed, false);
    assert.deepEqual(await buy("order-1001", "2001:0DB8:1:2:aaaa::1"), { id: six.id, replayed: true });
    assert.equal((await buy("order-1001", "2001:db8:1:3::7")).replayed, false);
    assert.equal((await buy("x".repeat(21), "192.0.2.1")).replayed, false);
    assert.equal((await buy("x".repeat(21), "192.0.2.2")).replayed, false);
    for (const long of ["x".repeat(22), uuid]) {
      const first = await buy(long, "192.0.2.1");
      assert.equal(first.replayed, false);
      assert.deepEqual(await buy(long, "192.0.2.2"), { id: first.id, replayed: true });
    }
  });

  test(`${name}: a key is its caller's, wherever the caller is; no user or service has a guest's`, async () => {
    await using system = await start(tickets(kind, gateway));
    const names = ["guest", "guest:192.0.2.1", "", "ann"];
    const callers = [undefined, ...names.map((id) => user(id)), ...names.map(asService)];
    const ids = new Set<string>();
    for (const caller of callers) {
      const as = caller === undefined ? {} : { as: caller };
      const call = async (from: string) =>
        (await system.call(Buy, { query: {}, body, idempotencyKey: "k", from, ...as })).body.ticketId;
      const id = await call("192.0.2.1");
      ids.add(id);
      assert.equal((await call("192.0.2.9")) === id, caller !== undefined);
    }
    assert.equal(ids.size, callers.length);
  });

  test(`${name}: the same request with its names in another order is a repetition, another one is refused`, async () => {
    await using system = await start(tickets(kind, gateway));
    const buy = async (query: object, given: object) => {
      const asked = { query, body: given, idempotencyKey: "k" } as { query: object; body: typeof body };
      return (await system.call(Buy, asked)).body.ticketId;
    };
    const id = await buy({ row: "a", seat: 7 }, body);
    assert.equal(await buy({ seat: 7, row: "a" }, { cents: 1, show: "opera" }), id);
    for (const [query, given] of [
      [{ row: "a", seat: 8 }, body],
      [{ row: "a" }, body],
      [
        { row: "a", seat: 7 },
        { ...body, cents: 2 },
      ],
    ] as const)
      await assert.rejects(buy(query, given), (error) => isProblem(error, "kit/idempotency-key-reused"));
  });
}

test("neither keys nor requests can be read from what is stored, and what is stored differs between installations", async () => {
  const rows: string[] = [];
  for (const seed of [1, 2]) {
    await using system = await startSystem(tickets("tables", gateway), { seed });
    await system.call(Buy, { query: {}, body, idempotencyKey: "order-1001" });
    const { DatabaseSync } = await import("node:sqlite");
    using db = new DatabaseSync(`${system.data}/tickets.db`, { readOnly: true });
    rows.push(JSON.stringify(db.prepare("SELECT scope, fingerprint, nonce FROM holdfast_keys").all()));
    const secrets = db.prepare("SELECT secret FROM holdfast_secret").all();
    assert.equal(secrets.length, 1);
    const secret = String(secrets[0]?.["secret"]);
    assert.equal(Buffer.from(secret, "base64").length, 32);
    assert.ok(!JSON.stringify(system.log).includes(secret), "it is not logged");
  }
  assert.doesNotMatch(rows.join(), /order-1001|opera/);
  assert.notEqual(rows[0], rows[1]);
});

test("over HTTP a guest's address is what a proxy of the same machine says, and the socket's where there is none", async (t) => {
  await using system = await startSystem(tickets("tables", gateway));
  const server = await serveHttp({
    service: system.service("tickets"),
    port: 0,
    verify: () => Promise.reject(new Error("nobody is signed in")),
    runtime: system.runtime,
    log: silentLogger,
  });
  t.after(() => server.close(100));
  const buy = async (key: string, forwarded?: string) => {
    const headers = {
      "content-type": "application/json",
      "idempotency-key": key,
      ...(forwarded === undefined ? {} : { "x-forwarded-for": forwarded }),
    };
    const response = await fetch(`${server.url}/tickets`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(response.status, 201);
    return ((await response.json()) as { readonly ticketId: string }).ticketId; // Proof: the contract's reply.
  };
  const one = await buy("my-first", "198.51.100.1");
  assert.notEqual(await buy("my-first", "198.51.100.2"), one);
  assert.equal(await buy("my-first", "198.51.100.1"), one);
  // What the client itself has claimed stands before the address that the proxy saw.
  assert.equal(await buy("my-first", "203.0.113.9, 198.51.100.1"), one);
  const direct = await buy("my-first");
  assert.notEqual(direct, one);
  assert.equal(await buy("my-first"), direct);
});

test("the network of an address: IPv4 as it is, of IPv6 the /64, whatever the spelling", () => {
  for (const [address, network] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:1::", "2001:db8:0:0::/64"],
    ["2001:db8:a:b:c:d:e:f", "2001:db8:a:b::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["unknown", "unknown"],
    ["", ""],
  ] as const)
    assert.equal(networkOf(address), network, address);
});
