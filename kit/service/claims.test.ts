import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { isProblem } from "../contract/index.ts";
import type { KeyState, StoredReply } from "../messaging/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { Claims } from "./claims.ts";

const claim = { scope: "POST /orders ada k", fingerprint: "f" };
const reply: StoredReply = { status: 201, body: "{}", headers: {} };

/** Time stands still unless a test moves it. A key is free until a request under it has ended. */
function shop() {
  const runtime = controlledRuntime({ flowing: false });
  const claims = new Claims(runtime);
  const work = Promise.withResolvers<StoredReply>();
  const ran: string[] = [];
  const stored: StoredReply[] = [];
  return {
    runtime,
    ran,
    work,
    ask: (who: string, { key = claim, deadline = 5_000 } = {}) =>
      claims.run(key, deadline, {
        lookUp: (): Promise<KeyState> => {
          const [known] = stored;
          return Promise.resolve(known === undefined ? { kind: "free" } : { kind: "replied", reply: known });
        },
        async first() {
          ran.push(who);
          const given = await work.promise;
          stored.push(given);
          return given;
        },
      }),
  };
}

test("twins wait while the first is at work, then get its reply; another key waits for nobody", async () => {
  const { runtime, ran, work, ask } = shop();
  const first = ask("first");
  const twins = [ask("second"), ask("third")];
  const other = ask("other", { key: { ...claim, scope: "POST /orders ada k2" } });
  await eventually("the other key is at work", () => ran.includes("other"));
  await runtime.advance(4_000);
  assert.deepEqual(ran, ["first", "other"], "twins ran side by side");
  work.resolve(reply);
  assert.deepEqual(await first, reply);
  await other;
  for (const twin of twins) assert.equal((await twin).headers["idempotency-replayed"], "true");
  assert.deepEqual(ran, ["first", "other"]);
});

test("a twin that waits past its deadline is refused, and what comes behind it waits for the first all the same", async () => {
  const { runtime, ran, work, ask } = shop();
  const first = ask("first");
  const refused = assert.rejects(ask("second", { deadline: 1_000 }), (error) =>
    isProblem(error, "kit/idempotency-key-in-use"),
  );
  const third = ask("third");
  await runtime.advance(1_000);
  await refused;
  assert.deepEqual(ran, ["first"], "the third did not wait");
  work.resolve(reply);
  await first;
  assert.equal((await third).headers["idempotency-replayed"], "true");
  assert.deepEqual(ran, ["first"]);
});

test("when the first fails its twins run one after another, and so does who comes then", async () => {
  const runtime = controlledRuntime({ flowing: false });
  const claims = new Claims(runtime);
  const running = new Map<string, PromiseWithResolvers<StoredReply>>();
  const ask = (who: string) =>
    claims.run(claim, 5_000, {
      lookUp: () => Promise.resolve({ kind: "free" }),
      first() {
        const work = Promise.withResolvers<StoredReply>();
        running.set(who, work);
        return work.promise.finally(() => running.delete(who));
      },
    });
  const order: string[] = [];
  const all = ["first", "second", "third"].map((who) => ask(who).catch(() => order.push(who)));
  for (const who of ["first", "second", "third", "fourth"]) {
    await eventually(`the ${who} is at work`, () => running.has(who));
    if (who === "second") all.push(ask("fourth").catch(() => order.push("fourth")));
    await runtime.advance(0);
    assert.deepEqual([...running.keys()], [who]);
    running.get(who)?.reject(new Error("no reply"));
  }
  await Promise.all(all);
  assert.deepEqual(order, ["first", "second", "third", "fourth"]);
});
