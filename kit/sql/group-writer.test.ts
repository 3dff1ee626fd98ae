import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually } from "../brokers/broker.conformance.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { noMetrics } from "../telemetry/index.ts";
import { freshSqlite } from "./fixtures/engines.ts";
import { GroupWriter } from "./group-writer.ts";
import type { Session } from "./engine.ts";
import { LaneMeter } from "./lane-metrics.ts";

/** A writer on a clock that stands still unless a test moves it, and a table of which negative numbers are refused. */
async function begin(t: TestContext) {
  const runtime = controlledRuntime({ flowing: false });
  const engine = await freshSqlite(t);
  const session = await engine.open("writer");
  await session.run("CREATE TABLE numbers (n INTEGER NOT NULL CHECK (n >= 0)) STRICT");
  let refusedCommits = 0;
  const commit = session.commit.bind(session);
  session.commit = () => {
    if (refusedCommits === 0) return commit();
    refusedCommits -= 1;
    throw new Error("no commit");
  };
  const writer = new GroupWriter({
    engine,
    session,
    runtime,
    meter: new LaneMeter(noMetrics, "", runtime.clock),
    onFatal: (error) => assert.fail(String(error)),
    refusal: () => new Error("refused"),
  });
  t.after(async () => {
    await writer.close();
    await session.close();
  });
  const insert = (n: number) => async (to: Session) => {
    await to.run("INSERT INTO numbers (n) VALUES (?)", [n]);
    return n;
  };
  return {
    runtime,
    writer,
    insert,
    refuseCommits: (count: number) => (refusedCommits = count),
    stored: async () => (await session.run("SELECT n FROM numbers ORDER BY n")).rows.map(({ n }) => n),
  };
}

test("of writes that share a commit the one at fault is refused alone, and each of the others has its own answer", async (t) => {
  const { writer, insert, stored } = await begin(t);
  const ended = await Promise.allSettled([1, -2, 3].map((n) => writer.write(insert(n))));
  assert.deepEqual(
    ended.map((each) => (each.status === "fulfilled" ? each.value : "refused")),
    [1, "refused", 3],
  );
  assert.deepEqual(await stored(), [1, 3]);
});

test("a commit that fails refuses every write of its group, and the next group is written", async (t) => {
  const { writer, insert, stored, refuseCommits } = await begin(t);
  refuseCommits(1);
  for (const each of await Promise.allSettled([1, 2].map((n) => writer.write(insert(n)))))
    assert.equal(each.status, "rejected");
  await writer.write(insert(3));
  assert.deepEqual(await stored(), [3]);
});

test("work for later joins the next commit, or has one of its own soon; a newer one of its name takes its place", async (t) => {
  const { runtime, writer, insert, stored } = await begin(t);
  const done: number[] = [];
  const later = (name: string, n: number) => writer.later(name, { work: insert(n), done: () => done.push(n) });
  later("a", 1);
  later("a", 2);
  later("b", 3);
  await writer.write(insert(0));
  assert.deepEqual(await stored(), [0, 2, 3]);
  assert.deepEqual(done, [2, 3]);
  later("a", 4);
  assert.deepEqual(await stored(), [0, 2, 3]);
  await runtime.advance(1_000);
  await eventually("it has a commit of its own", () => done.includes(4));
  assert.deepEqual(await stored(), [0, 2, 3, 4]);
});

test("work for later that fails does not fail the write whose commit it joined, and comes again", async (t) => {
  const { runtime, writer, insert, stored } = await begin(t);
  let tries = 0;
  let done = false;
  writer.later("a", {
    work: (session) => {
      tries += 1;
      return insert(tries === 1 ? -1 : 7)(session);
    },
    done: () => (done = true),
  });
  await writer.write(insert(1));
  assert.deepEqual([await stored(), tries, done], [[1], 1, false]);
  await runtime.advance(1_000);
  await eventually("it is done", () => done);
  assert.deepEqual(await stored(), [1, 7]);
});

test("work for later whose commit failed comes again, unless a newer one has taken its place meanwhile", async (t) => {
  const { runtime, writer, insert, stored, refuseCommits } = await begin(t);
  const done: number[] = [];
  const later = (name: string, n: number) => writer.later(name, { work: insert(n), done: () => done.push(n) });
  let newer = false;
  later("a", 1);
  writer.later("b", {
    work(session) {
      if (!newer) later("a", 2);
      newer = true;
      return insert(3)(session);
    },
    done: () => done.push(3),
  });
  refuseCommits(1);
  await assert.rejects(writer.write(insert(0)), /refused/);
  await runtime.advance(1_000);
  await eventually("both are done", () => done.length === 2);
  assert.deepEqual(await stored(), [2, 3]);
});

test("a writer that is closed has written what waited, and takes no more", async (t) => {
  const { writer, insert, stored } = await begin(t);
  writer.later("a", { work: insert(1), done: () => {} });
  const last = writer.write(insert(2));
  await writer.close();
  await last;
  assert.deepEqual(await stored(), [1, 2]);
  await assert.rejects(writer.write(insert(3)), /refused/);
});
