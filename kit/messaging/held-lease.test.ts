import assert from "node:assert/strict";
import { test } from "node:test";
import { controlledRuntime } from "../runtime/index.ts";
import { makeRig, type CountStore } from "./fixtures/rig.ts";
import { holdLease } from "./held-lease.ts";

const ttlMs = 3_000;

/** A store on a clock that stands still unless a test moves it. */
async function begin() {
  const runtime = controlledRuntime({ flowing: false });
  const rig = await makeRig();
  const store = await rig.store("orders", runtime);
  let renewals: Promise<unknown>[] = [];
  return {
    runtime,
    store,
    /** `lease` is asked of the store unless a test has it another way. */
    async hold(lease: CountStore["lease"] = store.lease) {
      const held = await holdLease({
        runtime,
        name: "relay",
        owner: "one",
        ttlMs,
        store: {
          lease(...asked) {
            const answer = lease(...asked);
            renewals.push(answer.catch(() => undefined));
            return answer;
          },
          release: store.release,
        },
      });
      assert.ok(held !== undefined);
      return held;
    },
    /** Moves the clock, until what was asked meanwhile is answered. */
    async pass(ms: number) {
      await runtime.advance(ms);
      await Promise.all(renewals);
      await runtime.advance(0);
      renewals = [];
    },
    other: () => store.lease("relay", "other", ttlMs),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

test("a held lease renews itself, so that nobody else gets it after its time", async () => {
  await using given = await begin();
  const held = await given.hold();
  for (let thirds = 0; thirds < 9; thirds += 1) await given.pass(ttlMs / 3);
  assert.equal(held.lost.aborted, false);
  assert.equal(await given.other(), undefined);
  await held.release();
});

test("a lease that is renewed no more is lost when its time is over, counted from the question", async () => {
  await using given = await begin();
  let first = true;
  const held = await given.hold(async (...asked) => {
    if (!first) throw new Error("the store does not answer");
    first = false;
    const lease = await given.store.lease(...asked);
    await given.runtime.advance(500);
    return lease;
  });
  await given.pass(2_499);
  assert.equal(held.lost.aborted, false);
  await given.pass(1);
  assert.equal(held.lost.aborted, true);
});

test("a renewal that comes through after a failed one keeps the lease", async () => {
  await using given = await begin();
  let asks = 0;
  const held = await given.hold((...asked) => {
    asks += 1;
    return asks === 2 ? Promise.reject(new Error("the store does not answer")) : given.store.lease(...asked);
  });
  for (let thirds = 0; thirds < 4; thirds += 1) await given.pass(ttlMs / 3);
  assert.equal(held.lost.aborted, false);
  await held.release();
});

test("a lease that has gone to another one, or was granted under a new epoch, is lost at the next renewal", async () => {
  await using given = await begin();
  for (const renewed of [undefined, { name: "relay", epoch: 7 }]) {
    let first = true;
    const held = await given.hold((...asked) => {
      if (!first) return Promise.resolve(renewed);
      first = false;
      return given.store.lease(...asked);
    });
    await given.pass(ttlMs / 3 - 1);
    assert.equal(held.lost.aborted, false);
    await given.pass(1);
    assert.equal(held.lost.aborted, true);
    await held.release();
  }
});

test("a lease that was released goes to the next at once; a second release changes nothing", async () => {
  await using given = await begin();
  const held = await given.hold();
  await held.release();
  assert.equal(held.lost.aborted, true);
  assert.equal((await given.other())?.epoch, held.lease.epoch + 1);
  await held.release();
  await given.pass(ttlMs - 1);
  assert.equal(await given.store.lease("relay", "third", ttlMs), undefined);
});

test("a lease that was released, or is lost, is asked for no more", async () => {
  await using given = await begin();
  for (const end of ["release", "lose"] as const) {
    let asks = 0;
    const held = await given.hold((...asked) => {
      asks += 1;
      return given.store.lease(...asked);
    });
    await given.pass(ttlMs / 3);
    assert.equal(asks, 2);
    await held[end]();
    await given.pass(2 * ttlMs);
    assert.equal(asks, 2, end);
  }
});

test("while the store does not answer a renewal no second one is asked for", async () => {
  await using given = await begin();
  let asks = 0;
  const answer = Promise.withResolvers<undefined>();
  const held = await given.hold((...asked) => {
    asks += 1;
    return asks === 1 ? given.store.lease(...asked) : answer.promise;
  });
  await given.runtime.advance(ttlMs - 1);
  assert.equal(asks, 2);
  answer.resolve(undefined);
  await held.release();
});
