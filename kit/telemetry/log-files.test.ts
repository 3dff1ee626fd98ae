import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { controlledRuntime } from "../runtime/index.ts";
import { logFiles, logger, type LogFilesOptions } from "./index.ts";

function rig(context: TestContext, given: Partial<LogFilesOptions> = {}) {
  const home = mkdtempSync(path.join(os.tmpdir(), "holdfast-log-"));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  const folder = path.join(home, "logs");
  const runtime = controlledRuntime({ seed: 1, flowing: false });
  const troubles: ("lost" | "error")[] = [];
  const options: LogFilesOptions = {
    folder,
    services: ["orders", "billing"],
    other: "holdfast",
    bytes: 1_000_000,
    kept: 2,
    runtime,
    onTrouble: (trouble) => troubles.push("lost" in trouble ? "lost" : "error"),
    ...given,
  };
  const begin = () => {
    const files = logFiles(options);
    context.after(() => files.close());
    return { files, log: logger({ level: "info", format: "json", write: () => {}, files }) };
  };
  const text = (name: string) => readFileSync(path.join(folder, name), "utf8");
  return {
    ...begin(),
    begin,
    runtime,
    folder,
    troubles,
    text,
    events: (name: string) => messages(text(name)),
    sizes: () => readdirSync(folder).map((name) => statSync(path.join(folder, name)).size),
  };
}
const messages = (text: string): readonly unknown[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { msg } = JSON.parse(line) as { readonly msg: unknown }; // Proof: written as entries.
      return msg;
    });

test("each service's entries stand in its file, the severe ones in a second one, and those of nobody in a third", (t) => {
  const { log, files, events } = rig(t);
  const orders = log.child({ service: "orders" });
  orders.info("placed");
  orders.child({ request: 1 }).error("failed");
  orders.critical("down");
  log.child({ service: "billing" }).warn("slow");
  log.warn("the process itself");
  files.flush();
  assert.deepEqual(events("orders.log"), ["placed", "failed", "down"]);
  assert.deepEqual(events("orders_errors.log"), ["failed", "down"]);
  assert.deepEqual(events("billing.log"), ["slow"]);
  assert.deepEqual(events("holdfast.log"), ["the process itself"]);
});

test("no entry chooses its file: neither by a field, nor by a child of a service, nor by a name that leads out of the folder", (t) => {
  const { log, files, folder, events } = rig(t);
  const orders = log.child({ service: "orders" });
  orders.info("by a field", { service: "billing" });
  orders.child({ service: "billing" }).info("by a child");
  log.child({ service: "../../escaped" }).info("out of the folder");
  files.flush();
  assert.deepEqual(events("orders.log"), ["by a field", "by a child"]);
  assert.deepEqual(events("holdfast.log"), ["out of the folder"]);
  assert.deepEqual(readdirSync(folder).toSorted(), ["holdfast.log", "orders.log"]);
});

test("lesser entries wait for each other, at most 200 ms; a severe one is in the files when the call returns", async (t) => {
  const { log, folder, runtime, events } = rig(t);
  log.info("first");
  log.info("second");
  await runtime.advance(199);
  assert.ok(!existsSync(folder));
  await runtime.advance(1);
  assert.deepEqual(events("holdfast.log"), ["first", "second"]);
  log.info("third");
  log.error("fourth");
  assert.deepEqual(events("holdfast.log"), ["first", "second", "third", "fourth"]);
});

test("a process that is killed at once leaves each severe entry, and what came before it", (t) => {
  const { folder, events } = rig(t);
  const entry = path.join(import.meta.dirname, "fixtures/killed.ts");
  const { signal, stderr } = spawnSync(process.execPath, [entry, folder], { encoding: "utf8" });
  assert.equal(signal, "SIGKILL", stderr);
  assert.deepEqual(events("orders.log"), ["before", "failed"]);
  assert.deepEqual(events("orders_errors.log"), ["failed"]);
});

test("full files are put aside, the oldest go, and no file is larger than was said", (t) => {
  const { log, folder, sizes, events } = rig(t, { bytes: 1_000 });
  for (let n = 0; n < 100; n += 1) log.error(`entry ${String(n)}`, { text: "x".repeat(100) });
  const names = readdirSync(folder).toSorted();
  assert.equal(names.length, 6, names.join(", "));
  assert.ok(sizes().every((size) => size <= 1_000 && size > 0));
  // `holdfast.log` sorts behind those with a time.
  const kept = names.filter((name) => name.startsWith("holdfast.")).flatMap((name) => events(name));
  assert.deepEqual(
    kept,
    Array.from(kept, (_, at) => `entry ${String(100 - kept.length + at)}`),
    "the last ones, in order",
  );
});

test("two processes on one file lose nothing, also when one of them puts it aside", (t) => {
  const { log, begin, folder, events } = rig(t, { bytes: 2_000, kept: 1_000 });
  const { log: other } = begin();
  for (let n = 0; n < 100; n += 1) (n % 3 === 0 ? log : other).error(`entry ${String(n)}`);
  const all = readdirSync(folder)
    .filter((name) => name.startsWith("holdfast."))
    .flatMap((name) => events(name));
  assert.ok(all.length === 100 && new Set(all).size === 100);
});

test("a file that somebody moved or deleted is begun anew", (t) => {
  const { log, folder, events } = rig(t);
  log.error("first");
  renameSync(path.join(folder, "holdfast.log"), path.join(folder, "moved.log"));
  log.error("second");
  assert.deepEqual([events("moved.log"), events("holdfast.log")], [["first"], ["second"]]);
  rmSync(folder, { recursive: true });
  log.error("third");
  assert.deepEqual(events("holdfast.log"), ["third"]);
});

test("after a line that was cut off, the next entry begins a line of its own", (t) => {
  const { log, folder, text } = rig(t);
  mkdirSync(folder);
  appendFileSync(path.join(folder, "holdfast.log"), '{"msg":"cut');
  log.error("whole");
  const lines = text("holdfast.log").split("\n");
  assert.equal(lines[0], '{"msg":"cut');
  assert.deepEqual(messages(lines[1] ?? ""), ["whole"]);
});

test("a folder that cannot be written fails nobody: it is said once, and so is that it can be again", (t) => {
  const { log, folder, troubles, events } = rig(t);
  writeFileSync(folder, "a file where the folder should be");
  for (let n = 0; n < 5; n += 1) log.error("lost");
  log.child({ service: "orders" }).error("lost, too");
  assert.deepEqual(troubles, ["error"]);
  rmSync(folder);
  log.error("written");
  assert.deepEqual(events("holdfast.log"), ["entries are missing here: the file could not be written", "written"]);
  log.child({ service: "orders" }).error("written");
  assert.deepEqual(troubles, ["error", "lost"]);
});

const full = existsSync("/dev/full") ? false : "needs /dev/full, a disk without room";
test("a full disk fails nobody, either", { skip: full }, (t) => {
  const { log, folder, troubles, events } = rig(t);
  mkdirSync(folder);
  symlinkSync("/dev/full", path.join(folder, "holdfast.log"));
  log.error("lost");
  log.error("lost");
  assert.deepEqual(troubles, ["error"]);
  rmSync(path.join(folder, "holdfast.log"));
  log.error("written");
  assert.deepEqual(events("holdfast.log").at(-1), "written");
  assert.deepEqual(troubles, ["error", "lost"]);
});
