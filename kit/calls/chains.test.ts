import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { names, walkers, type Name } from "./fixtures/walkers.ts";

const name = fc.constantFrom(...names);
const walk = fc.record({ from: name, way: fc.array(name, { maxLength: 5 }) });
/** A few ways, and many at a time on each: circles of services, services that call themselves. */
const crowd = fc.record({
  walks: fc.array(walk, { minLength: 1, maxLength: 4 }),
  count: fc.integer({ min: 150, max: 300 }),
});

for (const apart of [false, true]) {
  const where = apart ? "each in a process of its own" : "in one process";

  void test(`services that call each other in circles, ${where}: however many requests come at a time, all are answered`, async (t) => {
    // A small bulkhead, so that many wait for a place.
    const { walk: go } = await walkers(t, apart, { inFlight: 16 });
    const all = (walks: readonly { readonly from: Name; readonly way: readonly Name[] }[], count: number) =>
      Promise.all(
        Array.from({ length: count }, async (_, at) => {
          const { from, way } = walks[at % walks.length] ?? assert.fail();
          assert.deepEqual(await go(from, way.join("")), { status: 200, body: { calls: way.length } });
        }),
      );
    // From both ends at a time: each holds what the other waits for.
    await all(
      [
        { from: "a", way: ["b", "a", "b"] },
        { from: "b", way: ["a", "b", "a"] },
      ],
      200,
    );
    await all([{ from: "a", way: ["b", "b"] }], 200);
    const check = fc.asyncProperty(crowd, ({ walks, count }) => all(walks, count).then(() => undefined));
    await fc.assert(check, { numRuns: 2, seed: 12, endOnFailure: true });
  });

  void test(`services that call each other in circles, ${where}: a circle without an end is refused, with its services named, and closes no breaker`, async (t) => {
    const { walk: go, log } = await walkers(t, apart);
    const { status, body } = await go("a", "bc".repeat(20));
    assert.equal(status, 508, JSON.stringify(body));
    assert.equal(Reflect.get(body, "code"), "kit/call-loop");
    assert.match(String(Reflect.get(body, "detail")), /^a calls b calls c calls b calls/);
    for (let at = 0; at < 20; at += 1) assert.equal((await go("a", "bc".repeat(20))).status, 508);
    assert.equal((await go("a", "bcbc")).status, 200);
    assert.ok(!log.some(({ event }) => event.includes("breaker")));
  });
}

test("a handler that makes more calls for one request than the limit fails, and the error names it", async (t) => {
  const { walk: go, log } = await walkers(t, false);
  assert.deepEqual(await go("a", "b", 32), { status: 200, body: { calls: 32 } });
  assert.equal((await go("a", "b", 33)).status, 500);
  const failed = log.find(({ event }) => event === "handler failed");
  assert.match(String(failed?.fields["error"]), /GET \/a\/walk of a makes more than 32 calls/);
  const more = await walkers(t, false, { perHandler: 33 });
  assert.equal((await more.walk("a", "b", 33)).status, 200);
});

test("who is no service cannot say that services wait for its request", async (t) => {
  const { url } = await walkers(t, false);
  const chain = "a, b, ".repeat(20);
  const reply = await fetch(`${url("a")}/a/walk?way=b`, { headers: { "x-call-chain": chain } });
  assert.equal(reply.status, 200);
});
