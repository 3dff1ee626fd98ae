import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { systemTimers } from "../runtime/timers.ts";
import { silentLogger } from "../telemetry/index.ts";
import { until } from "../testing/index.ts";
import { freePorts } from "./fixtures/free-ports.ts";
import { startReloading } from "./reloading.ts";
import { watchSources } from "./watching.ts";

const kit = path.join(import.meta.dirname, "..");
const [known = 0] = await freePorts(1);
/** A platform of one service; `GET /slow` says when it has begun, and answers when it may. */
const source = (answer: string) => `
import { existsSync, writeFileSync } from "node:fs";
import { main } from "${kit}/cli/index.ts";
import { contracts, t } from "${kit}/contract/index.ts";
import { service } from "${kit}/service/index.ts";
import { snapshot, sql } from "${kit}/sql/index.ts";

const { endpoint } = contracts("demo");
const form = { summary: "An answer", access: "anyone", replies: { 200: t.Object({ answer: t.String() }) } } as const;
const Answer = endpoint("GET /answer", form);
const Slow = endpoint("GET /slow", form);
const Crash = endpoint("POST /crash", form);
const Large = endpoint("POST /large", { ...form, body: t.Object({ text: t.String() }), limits: { bodyBytes: 400_000 } });
const { handle, assemble } = service("demo", {
  store: sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] }),
  scope: () => ({}),
});
const demo = assemble({ Answer, Slow, Crash, Large }, {
  routes: {
    Answer: handle(Answer, async ({ reply }) => reply(200, { answer: "${answer}" })),
    Slow: handle(Slow, {
      prepare: async () => {
        writeFileSync("${home}/begun", "");
        while (!existsSync("${home}/go")) await new Promise((resolve) => setTimeout(resolve, 5));
      },
      run: async ({ reply }) => reply(200, { answer: "${answer}" }),
    }),
    Large: handle(Large, async ({ reply }) => reply(200, { answer: "large" })),
    Crash: handle(Crash, { prepare: async () => process.exit(9), run: async ({ reply }) => reply(200, { answer: "" }) }),
  },
  consumers: [],
});
await main({ systems: { demo: [demo] }, ports: { demo: ${String(known)} }, args: process.argv.slice(2), env: process.env });
`;

const home = await mkdtemp(path.join(os.tmpdir(), "holdfast-reload-"));
const folder = path.join(home, "sources");
await mkdir(folder);
const entry = path.join(folder, "main.mts");
/** As editors do it: written beside, then put in its place. */
const save = async (text: string) => {
  await writeFile(path.join(home, "unsaved"), text);
  await rename(path.join(home, "unsaved"), entry);
};
await save(source("one"));
const said: string[] = [];
const running = startReloading({
  entry,
  args: ["demo", "--port=0", "--log-level=critical", `--data=${path.join(home, "data")}`],
  env: { ...process.env, NODE_COMPILE_CACHE: path.join(kit, "../node_modules/.cache/node") },
  say: (sentence) => said.push(sentence),
  log: silentLogger,
});
const watcher = watchSources({
  folders: [folder],
  timers: systemTimers,
  onSave: () => running.reload(),
  onError: (error) => said.push(String(error)),
});
after(async () => {
  watcher[Symbol.dispose]();
  await running.stop(2_000);
  await rm(home, { recursive: true, force: true });
});
const { url, addresses } = await running.ready;
const own = `http://127.0.0.1:${String(known)}`;

const ask = async (address: string, at = url, body?: string) => {
  const method = body === undefined ? "GET" : "POST";
  const headers = { "content-type": "application/json" };
  const reply = await fetch(`${at}${address}`, { method, headers, body: body ?? null });
  // Proof: the platform answers with JSON objects.
  const { answer, code } = (await reply.json()) as { readonly answer?: string; readonly code?: string };
  return `${String(reply.status)} ${answer ?? code ?? ""}`;
};
const answers = (answer: string) =>
  until(`the answer is ${answer}`, async () => (await ask("/answer")) === `200 ${answer}`);
/** Asks again and again at both addresses until it is disposed of; gives the answers. */
function asking() {
  const heard = new Set<string>();
  let more = true;
  const loop = async (at: string) => {
    while (more) {
      heard.add(await ask("/answer", at).catch(String));
      await setTimeout(2);
    }
  };
  const loops = [loop(url), loop(own)];
  return {
    async heard() {
      more = false;
      await Promise.all(loops);
      return [...heard].toSorted();
    },
  };
}

test("services are at the ports that they are known by", () => {
  assert.deepEqual(addresses, [{ name: "demo", url: own }]);
});

test("saved code answers on the same ports, and no request fails meanwhile; one in hand is answered by the code it began with", async () => {
  const asked = asking();
  const slow = ask("/slow");
  await until("the request is in hand", () => existsSync(path.join(home, "begun")));
  await save(source("two"));
  await answers("two");
  assert.equal(await ask("/answer", own), "200 two");
  await writeFile(path.join(home, "go"), "");
  assert.equal(await slow, "200 one");
  assert.deepEqual(await asked.heard(), ["200 one", "200 two"]);
});

test("code that does not start changes nothing, and the next save heals it; of saves in a row the last one counts", async () => {
  const asked = asking();
  await save("this is { no code");
  await until("it is said that it does not start", () => said.some((line) => line.includes("goes on")));
  assert.equal(await ask("/answer"), "200 two");
  await save(source("never"));
  await save(source("three"));
  await answers("three");
  assert.deepEqual(await asked.heard(), ["200 three", "200 two"]);
});

test("a body has the limit that the contract gives it, also on these ports", async () => {
  const text = (length: number) => JSON.stringify({ text: "x".repeat(length) });
  for (const at of [url, own]) {
    assert.equal(await ask("/large", at, text(300_000)), "200 large");
    assert.equal(await ask("/large", at, text(500_000)), "413 kit/body-too-large");
  }
});

test("a process that ends by itself is started again; what became of the request that it took along is not known", async () => {
  assert.equal(await ask("/crash", url, ""), "503 kit/outcome-unknown");
  await answers("three");
  assert.match(said.at(-2) ?? "", /ended; it is started again/);
});
