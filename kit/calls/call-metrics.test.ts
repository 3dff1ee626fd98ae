import assert from "node:assert/strict";
import { test } from "node:test";
import { kitProblems } from "../contract/index.ts";
import type { Dispatch } from "../service/index.ts";
import { Ask, errands } from "../service/fixtures/errands.ts";
import { parseTraceparent } from "../telemetry/index.ts";
import { start, until, valueOf } from "../testing/index.ts";
import { Client } from "./index.ts";

test("calls are counted by caller, callee, route and outcome, with their repetitions and the state of the breaker", async () => {
  await using system = await start(errands());
  const { runtime, metrics } = system;
  let down = false;
  const service = system.service("errands");
  const client = new Client({ runtime, metrics, limits: { failures: 4, openMs: 60_000 } });
  client.add({
    ...service,
    dispatch: (request: Dispatch) =>
      down ? Promise.reject(kitProblems.unavailable({ reason: "It is down." })) : service.dispatch(request),
  });
  const call = async (name: string) => {
    const cause = {
      handler: "shop Errand",
      service: "shop",
      identity: undefined,
      repeatable: true,
      id: "request",
      correlationId: "correlation",
      trace: parseTraceparent(undefined, runtime.random),
      caller: undefined,
      deadline: runtime.clock.monotonic() + 5_000,
      signal: new AbortController().signal,
      ordinal: 1,
    };
    await client.call(Ask, { body: { name, failures: 0, afterMs: 0, fail: false } }, cause);
  };
  const shown = async (name: string, labels: Record<string, string>) => valueOf(await metrics.text(), name, labels);
  const count = (outcome: string) =>
    shown("holdfast_call_duration_seconds_count", {
      caller: "shop",
      callee: "errands",
      method: "POST",
      route: "/errands",
      outcome,
    });
  const breaker = async (state: number) => {
    await runtime.advance(1_000);
    return (await shown("holdfast_call_breaker_state", { callee: "errands" })) === state;
  };
  for (const name of ["one", "two", "three"]) await call(name);
  assert.equal(await count("ok"), 3);
  assert.equal(await shown("holdfast_call_retries_total", { callee: "errands" }), 0);
  assert.ok(await breaker(0));
  down = true;
  // Three attempts of the first one and one of the second open the breaker.
  await assert.rejects(call("four"), { code: "kit/unavailable" });
  assert.equal(await shown("holdfast_call_retries_total", { callee: "errands" }), 2);
  await assert.rejects(call("five"), { code: "kit/unavailable" });
  await until("the breaker is open", () => breaker(2));
  assert.deepEqual([await count("ok"), await count("kit/unavailable")], [3, 2]);
  await client.close();
});
