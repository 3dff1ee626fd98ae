import assert from "node:assert/strict";
import { test } from "node:test";
import { contracts, isProblem, kitProblems, noContent, t } from "../contract/index.ts";
import { snapshot, sql, table, text } from "../sql/index.ts";
import { start, until } from "../testing/index.ts";
import { service } from "./index.ts";

const shelf = contracts("shelf");
const Hold = shelf.endpoint("PUT /held/{name}", { summary: "", access: "service", replies: { 200: t.Object({}) } });
const Free = shelf.endpoint("DELETE /held/{name}", { summary: "", access: "service", replies: { 204: noContent } });
const desk = contracts("desk");
const Refused = desk.problem("desk/refused", { status: 422, retryable: false, summary: "", facts: t.Object({}) });
const Fate = t.Union(["placed", "refused", "unprepared", "unknown", "unreachable"].map((fate) => t.Literal(fate)));
const Place = desk.endpoint("POST /placed/{name}", {
  summary: "",
  access: "anyone",
  idempotent: true,
  body: t.Object({ fate: Fate }),
  replies: { 201: t.Object({}) },
  problems: [Refused],
});
const store = () => {
  const tables = { placed: table({ name: text().primaryKey() }) };
  return { store: sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] }) };
};

/** A desk that holds two things on the shelf for what it places; `slow` is held once the shelf is told to go on. */
function desks() {
  const held: string[] = [];
  const goOn = Promise.withResolvers<void>();
  const onShelf = service("shelf", {
    ...store(),
    resources: () => Promise.resolve({ held, goOn: goOn.promise }),
    scope: () => ({}),
  });
  const hold = onShelf.handle(Hold, {
    prepare: async ({ params: { name }, goOn: ready }) => {
      if (name.startsWith("slow")) await ready;
      held.push(name);
    },
    run: ({ reply }) => Promise.resolve(reply(200, {})),
  });
  const free = onShelf.handle(Free, {
    prepare: ({ params: { name } }) => {
      const tried = held.filter((what) => what === `tried ${name}`).length;
      if (name.startsWith("stuck") || (name.startsWith("later") && tried < 2)) {
        held.push(`tried ${name}`);
        throw kitProblems.unavailable({ reason: "not now" });
      }
      held.push(`not ${name}`);
      return Promise.resolve();
    },
    run: ({ reply }) => Promise.resolve(reply(204)),
  });
  const atDesk = service("desk", { ...store(), scope: ({ db }) => ({ db }) });
  const place = atDesk.handle(Place, {
    prepare: async ({ params, body: { fate }, call, undo }) => {
      for (const part of ["a", "b"]) {
        const name = `${params.name}-${part}`;
        undo(async (late) => void (await late.call(Free, { params: { name } })));
        await call(Hold, { params: { name } });
      }
      if (fate === "unprepared") throw Refused({});
    },
    run: async ({ params: { name }, body: { fate }, db, reply }) => {
      await db.insertInto("placed").values({ name }).execute();
      if (fate === "refused") throw Refused({});
      if (fate === "unknown") throw kitProblems.outcomeUnknown({});
      return reply(201, {});
    },
  });
  return {
    held,
    goOn: () => goOn.resolve(),
    services: [
      onShelf.assemble({ Hold, Free }, { routes: { Hold: hold, Free: free }, consumers: [] }),
      atDesk.assemble({ Place, Refused }, { routes: { Place: place }, consumers: [] }),
    ],
  };
}

test("what prepare did is taken back when the request fails, the last first and before the reply; not after a commit, nor where it is unknown", async () => {
  const { services, held } = desks();
  await using system = await start(services);
  const place = (name: string, fate: string) => system.call(Place, { params: { name }, body: { fate } });
  const refused = (error: unknown) => isProblem(error, Refused.code);
  await place("one", "placed");
  await assert.rejects(place("two", "unknown"), { code: "kit/outcome-unknown" });
  assert.deepEqual(held.splice(0), ["one-a", "one-b", "two-a", "two-b"]);
  for (const fate of ["refused", "unprepared"]) {
    await assert.rejects(place("three", fate), refused);
    assert.deepEqual(held.splice(0), ["three-a", "three-b", "not three-b", "not three-a"]);
  }
});

test("what cannot be taken back at once is tried again after the reply, for about half a minute, and then logged", async () => {
  const { services, held } = desks();
  await using system = await start(services);
  const place = (name: string) =>
    assert.rejects(
      system.call(Place, { params: { name }, body: { fate: "refused" } }),
      (error) => isProblem(error, Refused.code),
      "with its own reason",
    );
  let waited = 0;
  const passes = (what: string, holds: () => boolean) =>
    until(what, async () => {
      await system.runtime.advance(500);
      waited += 500;
      return holds();
    });
  let refused = place("later");
  await passes("it is taken back", () => held.includes("not later-a"));
  await refused;
  refused = place("stuck");
  waited = 0;
  const given = () => system.log.filter(({ event }) => event.includes("was not taken back"));
  await passes("it is given up", () => given().length > 0);
  await refused;
  assert.ok(held.includes("tried stuck-a") && waited > 5_000, `${String(waited)} ms: ${held.join()}`);
  assert.deepEqual(
    held.filter((what) => what.startsWith("not ")),
    ["not later-b", "not later-a"],
  );
  assert.deepEqual(
    given().map(({ fields }) => fields["acts"]),
    [2],
  );
});

test("what prepare did is taken back also when its deadline is over", async () => {
  const { services, held, goOn } = desks();
  await using system = await start(services);
  const placing = system.call(Place, { params: { name: "slow" }, body: { fate: "placed" } });
  const late = assert.rejects(placing, { code: "kit/deadline-exceeded" });
  await until("its time is over", async () => {
    await system.runtime.advance(1_000);
    return held.includes("not slow-a");
  });
  await late;
  goOn();
  assert.deepEqual(held.slice(0, 1), ["not slow-a"]);
});
