import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { findProblem } from "../contract/index.ts";
import type { Parked } from "../messaging/index.ts";
import { postgresSkip, tidy } from "../sql/fixtures/engines.ts";
import { start, until, type StartOptions, type TestSystem } from "../testing/index.ts";
import { Asked, documentOutlets, List, outlets, Put } from "./fixtures/outlets.ts";
import type { Service } from "./index.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
const began = Date.UTC(2030, 0, 1, 0, 0, 10);

const texts = async (system: TestSystem) => (await system.call(List, {})).body.texts;
const has = (system: TestSystem, text: string) =>
  until(`there is "${text}"`, async () => (await texts(system)).includes(text));
const message = (text: string, id?: string) => ({
  type: Asked.name,
  key: text,
  data: JSON.stringify({ text }),
  ...(id === undefined ? {} : { id }),
});
const sweep = async (system: TestSystem, now = system.runtime.clock.now()) => {
  const { store } = system.service("outlets");
  while (await store.sweep(now));
};

/** Three starts on one store: with the right clock, with one that is ahead, and with the right one again. */
async function healsFromAhead(
  t: TestContext,
  {
    service,
    storeUrl,
    aheadMs,
  }: { readonly service: (fails: () => boolean) => Service; readonly storeUrl?: string; readonly aheadMs: number },
): Promise<void> {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-clocks-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  let failing = true;
  const from = (now: number) => {
    const options: StartOptions = { data, now, seed: now % 997, foreignEvents: [Asked.name], expectBugs: true };
    return start(
      service(() => failing),
      storeUrl === undefined ? options : { ...options, storeUrl },
    );
  };
  const put = (system: TestSystem, text: string, more: object = {}, idempotencyKey = `of ${text}`) =>
    system.call(Put, { body: { text, ...more }, idempotencyKey });
  const delayed = { afterMs: String(2 * minute) };

  const first = await (async () => {
    await using system = await from(began);
    await put(system, "right");
    const id = await system.inject(message("asked right"));
    await has(system, "asked right");
    await system.runtime.advance(minute);
    await has(system, "2030-01-01T00:01:00.000Z");
    return { id };
  })();
  const second = await (async () => {
    await using system = await from(began + 2 * minute + aheadMs);
    await put(system, "certain", { at: new Date(system.runtime.clock.now() + day).toISOString() });
    const id = await system.inject(message("asked ahead"));
    await has(system, "asked ahead");
    await system.runtime.advance(minute);
    // The worst that could be: all that the clock takes for old is gone.
    await sweep(system);
    await put(system, "ahead", delayed, "reused");
    await system.inject(message("fails"));
    const { store } = system.service("outlets");
    let parked: Parked | undefined;
    await until("it is parked", async () => {
      [parked] = await store.due(system.runtime.clock.now() + minute, 1, "outlets/asked");
      return parked !== undefined;
    });
    // Whoever claimed it died with its claim.
    assert.ok(parked !== undefined && (await store.claim(parked, "somebody", system.runtime.clock.now() + 15_000)));
    return { id };
  })();
  failing = false;

  await using system = await from(began + 5 * minute);
  const { store } = system.service("outlets");
  const dead = async () => (await store.deadLetters({ limit: 10 })).map(({ code }) => code);
  await system.inject(message("asked again"));
  await has(system, "asked again");
  await put(system, "again");
  await system.inject(message("asked ahead", second.id));
  await system.inject(message("asked again, behind it"));
  await has(system, "asked again, behind it");
  assert.deepEqual(await dead(), []);
  await system.runtime.advance(2 * minute);
  await has(system, "fails");
  await until("the schedule goes on", async () =>
    (await texts(system)).some((text) => /^2030-01-01T00:0[67]:00/.test(text)),
  );
  assert.equal((await store.depths()).timers, 2);
  // The clock is believed after ten minutes.
  await system.runtime.advance(8 * minute);
  await until("the delay is over, counted from then on", async () => {
    await system.runtime.advance(minute);
    return (await texts(system)).includes("later ahead");
  });
  assert.ok(system.runtime.clock.now() < began + 30 * minute);
  const kept = await texts(system);
  assert.equal(kept.includes("later certain"), false, "a job for a certain time has that time");
  assert.equal(kept.filter((text) => text === "asked ahead").length, 1, "handled while the clock was ahead, and once");
  assert.equal(kept.length, new Set(kept).size);

  // What was dropped is too old, and not new.
  if (aheadMs > 7 * day) {
    await system.inject(message("asked right", first.id));
    await until("the old one is dead", async () => (await dead()).length === 1);
    assert.deepEqual(await dead(), ["kit/too-old"]);
    // Ticks go on meanwhile.
    const withoutTicks = (all: readonly string[]) => all.filter((text) => !text.startsWith("2030-"));
    assert.deepEqual(withoutTicks(await texts(system)), withoutTicks(kept));
  }
  // A key of the time ahead ends a day after it was noticed.
  const reuse = () => put(system, "reused", {}, "reused");
  await assert.rejects(reuse(), (error) => findProblem(error)?.code === "kit/idempotency-key-reused");
  await sweep(system);
  await sweep(system, system.runtime.clock.now() + day + minute);
  assert.equal((await reuse()).status, 201);
}

const options = (fails: () => boolean) => ({ fails, baseMs: 30_000, ticks: true });

test("what a clock wrote that was ten years ahead heals within minutes: messages, retries, claims, schedules, delays, keys", (t) =>
  healsFromAhead(t, { service: (fails) => outlets(options(fails)), aheadMs: 10 * 365 * day }));

test("the same of one that was an hour ahead", (t) =>
  healsFromAhead(t, { service: (fails) => outlets(options(fails)), aheadMs: 60 * minute }));

test("the same on documents", (t) =>
  healsFromAhead(t, { service: (fails) => documentOutlets(options(fails)), aheadMs: 10 * 365 * day }));

test("the same on PostgreSQL", { skip: postgresSkip }, async (t) => {
  const clear = () => tidy("DROP SCHEMA IF EXISTS outlets CASCADE");
  await clear();
  t.after(clear);
  const storeUrl = process.env["HOLDFAST_TEST_POSTGRES"] ?? "";
  await healsFromAhead(t, { service: (fails) => outlets(options(fails)), storeUrl, aheadMs: 10 * 365 * day });
});
