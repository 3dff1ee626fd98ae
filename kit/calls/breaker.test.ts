import assert from "node:assert/strict";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import type { Cause } from "../service/index.ts";
import { memoryLogger } from "../telemetry/index.ts";
import { until } from "../testing/index.ts";
import {
  Again,
  Brief,
  callee,
  cause,
  failed,
  ok,
  OutOfLuck,
  Read,
  runtime,
  ways,
  type Answer,
} from "./fixtures/callee.ts";
import type { Client } from "./index.ts";

const limits = { failures: 3, openMs: 40, attempts: 1 };
const blank = {} as Parameters<Answer>[0]; // Proof: `ok` does not look at it.

/** Answers as the name of what is read says. */
const byName: Answer = ({ params: { name = "" }, signal, caller }) => {
  if (name === "down") return Promise.reject(kitProblems.unavailable({ reason: "The store is down." }));
  if (name === "down-for-one" && caller?.kind === "service" && caller.name === "one")
    return Promise.reject(kitProblems.unavailable({ reason: "Not for you." }));
  if (name === "bug") return Promise.reject(new Error("one input met a bug"));
  if (name === "refused") return Promise.reject(OutOfLuck({ name }));
  if (name === "overloaded") return Promise.reject(kitProblems.overloaded({}));
  if (name === "unknown-status") return Promise.resolve({ status: 299, body: {} });
  if (name === "behind") {
    const headers = { "x-unavailable-service": "somebody-else" };
    return Promise.reject(kitProblems.unavailable({ reason: "Somebody else is down." }, { headers }));
  }
  if (name === "silent")
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  return ok(blank);
};

const read = (client: Client, name: string, given: Partial<Cause> = {}) =>
  client.call(Read, { params: { name }, query: {} }, cause(given));
const brief = (client: Client, name: string, given: Partial<Cause> = {}) =>
  client.call(Brief, { params: { name } }, cause(given));
const within = (ms: number) => ({ deadline: runtime.clock.monotonic() + ms });
const times = async (count: number, act: () => Promise<unknown>) => {
  for (let at = 0; at < count; at += 1) await failed(act());
};
const leftAlone = /left alone for a moment|failed with kit\/unavailable/;

for (const { name: way, client: connect } of ways) {
  void test(`${way}: what says nothing of the callee never closes it to anybody`, async (t) => {
    const { service } = callee(byName);
    const client = await connect(t, service, { limits });
    const leave = () => {
      const gone = new AbortController();
      runtime.timers.after(5, () => gone.abort());
      return read(client, "silent", { signal: gone.signal });
    };
    const floods: Readonly<Record<string, () => Promise<unknown>>> = {
      "a deadline that the client made short": () => read(client, "silent", within(8)),
      "a deadline of half of the contract's time": () => brief(client, "silent", within(30)),
      "a deadline that has passed before": () => read(client, "silent", within(0)),
      "a caller that leaves": leave,
      "a bug that one input meets": () => read(client, "bug"),
      "a refusal": () => read(client, "refused"),
      "a refusal for overload": () => read(client, "overloaded"),
      "a reply that fits no contract": () => read(client, "unknown-status"),
      "a callee whose own callee is down": () => read(client, "behind"),
    };
    for (const [what, flood] of Object.entries(floods)) {
      await times(limits.failures + 1, flood);
      assert.equal((await read(client, "x")).body.said, "yes", what);
    }
  });

  void test(`${way}: a callee that gives no answer in its full time is left alone, and one call that it answers ends that; both are logged`, async (t) => {
    const { service, asked } = callee(byName);
    const log = memoryLogger();
    const client = await connect(t, service, { limits, log });
    await times(limits.failures, () => brief(client, "silent"));
    const before = asked.length;
    assert.match((await failed(read(client, "x"))).message, leftAlone);
    assert.equal(asked.length, before, "it was not asked");
    await until("a call is answered again", () =>
      read(client, "x").then(
        () => true,
        () => false,
      ),
    );
    const entry = (event: string) => ({
      level: "warn",
      event,
      fields: { service: "caller", caller: "caller", callee: "callee" },
    });
    assert.deepEqual(log.entries, [entry("a circuit breaker opened"), entry("a circuit breaker closed")]);
  });

  void test(`${way}: probes that say nothing neither close the breaker nor keep others from probing`, async (t) => {
    const { service } = callee(byName);
    const client = await connect(t, service, { limits });
    await times(limits.failures, () => read(client, "down"));
    await runtime.timers.sleep(limits.openMs + 5);
    const abandoned = new AbortController();
    // Somebody floods the half-open breaker with calls that give the callee no time.
    const flooded: Promise<unknown>[] = [];
    for (let at = 0; at < 5; at += 1) flooded.push(failed(read(client, "silent", within(200))));
    assert.equal((await read(client, "x")).body.said, "yes", "a call with more time is not held up by them");
    await Promise.all(flooded);

    await times(limits.failures, () => read(client, "down"));
    await runtime.timers.sleep(limits.openMs + 5);
    const other = failed(read(client, "silent", { ...within(4_000), signal: abandoned.signal }));
    assert.equal((await read(client, "x", within(20_000))).body.said, "yes", "nor is one with its full time");

    await times(limits.failures, () => read(client, "down"));
    await runtime.timers.sleep(limits.openMs + 5);
    await times(2, () => read(client, "silent", within(8)));
    await failed(read(client, "down"));
    assert.match((await failed(read(client, "x"))).message, leftAlone, "the probes with little time did not close it");
    abandoned.abort();
    await other;
  });

  void test(`${way}: while one call probes, the others are refused at once`, async (t) => {
    const { service } = callee(byName);
    const client = await connect(t, service, { limits });
    await times(limits.failures, () => read(client, "down"));
    await runtime.timers.sleep(limits.openMs + 5);
    const probe = failed(brief(client, "silent"));
    const begun = performance.now();
    await times(5, () => brief(client, "x"));
    assert.ok(performance.now() - begun < 50);
    assert.equal((await probe).code, "kit/deadline-exceeded");
    assert.match((await failed(read(client, "x"))).message, leftAlone);
  });

  void test(`${way}: the trouble of one caller is not another's, and a service's calls to itself are never refused`, async (t) => {
    const { service } = callee(byName);
    const client = await connect(t, service, { limits });
    await times(limits.failures, () => read(client, "down-for-one", { service: "one" }));
    assert.match((await failed(read(client, "x", { service: "one" }))).message, leftAlone);
    assert.equal((await read(client, "down-for-one", { service: "two" })).body.said, "yes");
    await times(limits.failures + 1, () => read(client, "down", { service: "callee" }));
    assert.equal((await read(client, "x", { service: "callee" })).body.said, "yes");
  });
}

test("over HTTP: a mistake of the caller's own never closes the callee to anybody", async (t) => {
  const { service } = callee(byName);
  const connect = ways.find(({ name }) => name === "over HTTP")?.client ?? assert.fail();
  const client = await connect(t, service, { limits });
  const unsendable = { said: 1n } as never; // Proof: what a mistaken caller might send.
  const mistakes = [
    () => client.call(Again, { body: unsendable }, cause()),
    () => client.call(Read, { params: { name: "x" }, query: {}, headers: { "x-note": "a\nb" } } as never, cause()), // Proof: as before.
  ];
  for (const mistake of mistakes) await times(limits.failures + 1, mistake);
  assert.equal((await read(client, "x")).body.said, "yes");
});

test("calls that wait for a place give up at their deadlines and when their callers leave, and their places go to others", async (t) => {
  const released = Promise.withResolvers<void>();
  const { service } = callee(async ({ params: { name } }) => {
    if (name === "held") await released.promise;
    return ok(blank);
  });
  const connect = ways[0]?.client ?? assert.fail();
  const client = await connect(t, service, { limits: { inFlight: 1 } });
  const held = read(client, "held");
  const gone = new AbortController();
  const [late, left] = [failed(read(client, "x", within(10))), failed(read(client, "x", { signal: gone.signal }))];
  const last = read(client, "x");
  gone.abort();
  assert.equal((await late).code, "kit/deadline-exceeded");
  assert.equal((await left).code, "kit/unavailable");
  released.resolve();
  await Promise.all([held, last]);
});
