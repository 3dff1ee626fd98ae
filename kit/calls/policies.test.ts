import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { kitProblems } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { callee, cause, failed, ok, Once } from "./fixtures/callee.ts";
import { Client } from "./index.ts";

const body = { said: "please" };

/** A callee that fails twice, on a clock that stands still unless a test moves it. */
function failingTwice(headers: Readonly<Record<string, string>>) {
  const runtime = controlledRuntime({ flowing: false });
  let failures = 2;
  const { service, asked } = callee((request) => {
    failures -= 1;
    return failures < 0 ? ok(request) : Promise.reject(kitProblems.unavailable({ reason: "not yet" }, { headers }));
  });
  const client = new Client({ runtime });
  client.add(service);
  const call = (ms: number) => client.call(Once, { body }, cause({ deadline: runtime.clock.monotonic() + ms }));
  return { runtime, asked, call };
}

test("a failed call is repeated after a back-off, and not before", async () => {
  const { runtime, asked, call } = failingTwice({});
  const calling = call(5_000);
  await eventually("the first attempt", () => asked.length === 1);
  await runtime.advance(0);
  assert.equal(asked.length, 1, "it was repeated at once");
  // The first back-off is 50 ms at most, the second 100 ms.
  await runtime.advance(50);
  assert.equal(asked.length, 2);
  await runtime.advance(100);
  assert.equal((await calling).status, 200);
  assert.equal(asked.length, 3);
});

test("a callee's retry-after is kept", async () => {
  const { runtime, asked, call } = failingTwice({ "retry-after": "2" });
  const calling = call(5_000);
  await runtime.advance(1_999);
  assert.equal(asked.length, 1);
  await runtime.advance(1);
  assert.equal(asked.length, 2);
  await runtime.advance(2_000);
  assert.equal((await calling).status, 200);
});

test("a wait that would end past the deadline is not begun: the call fails at once", async () => {
  const { asked, call } = failingTwice({ "retry-after": "5" });
  let code: string | undefined;
  const calling = failed(call(5_000)).then((problem) => (code = problem.code));
  await eventually("the call fails while the clock stands still", () => code !== undefined);
  assert.equal(await calling, "kit/unavailable");
  assert.equal(asked.length, 1);
});
