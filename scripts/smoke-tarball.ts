// `node scripts/smoke-tarball.ts [--node <binary>]...`: packs the kit, installs the tarball in a project of its own, and uses
// it there as its user would: every subpath is imported and a service is run, by each Node named and by this one; a strict
// compiler reads the declarations; publint and attw read the package. No optional peer is installed.
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installKit, lend, must, packKit } from "./packed.ts";
import { root } from "./repository.ts";

const { values } = parseArgs({ options: { node: { type: "string", multiple: true, default: [] } } });
const nodes = [process.execPath, ...values.node];
const project = mkdtempSync(join(tmpdir(), "holdfast-packed-"));
const here = { cwd: project };

/** Says how large it is. @throws when that is beyond the bound: whoever makes the package so much larger says why, here. */
function bounded(what: string, kilobytes: number, bound: number): void {
  const size = String(Math.round(kilobytes));
  if (kilobytes > bound) throw new Error(`the kit ${what} takes ${size} kB, more than ${String(bound)} kB`);
  console.log(`the kit ${what}: ${size} kB (at most ${String(bound)} kB)`);
}

/** The program of the new project: imports every subpath, then runs one service end to end, reached through its door. */
const program = (subpaths: readonly string[]) => `
import assert from "node:assert/strict";
import { contracts, t } from "holdfast/contract";
import { service } from "holdfast/service";
import { sql, table, text } from "holdfast/sql";
import { mongoDocuments } from "holdfast/documents";
import { systemRuntime } from "holdfast/runtime";
import { startPlatform } from "holdfast/cli";

for (const subpath of ${JSON.stringify(subpaths)}) {
  assert.notEqual(Object.keys(await import(subpath)).length, 0, subpath + " exports nothing");
}

const { endpoint, event } = contracts("notes");
const Note = t.Object({ noteId: t.String(), text: t.String() });
const NoteTaken = event("note.taken", { version: 1, key: "noteId", summary: "Taken", data: Note });
const TakeNote = endpoint("POST /notes", {
  summary: "Take a note", access: "anyone", idempotent: true, body: t.Object({ text: t.String() }), replies: { 201: Note },
});
const tables = { notes: table({ noteId: text().primaryKey(), text: text() }) };
const columns = { noteId: { kind: "text" }, text: { kind: "text" } };
const migrations = [{ name: "0001-initial", snapshot: { notes: { columns, primaryKey: ["noteId"], indexes: [] } } }];
const { handle, assemble } = service("notes", { store: sql({ tables, migrations }), scope: ({ db }) => ({ db }) });
const notes = assemble({ NoteTaken, TakeNote }, {
  routes: {
    TakeNote: handle(TakeNote, async ({ body, db, newId, publish, reply }) => {
      const note = { noteId: newId(), ...body };
      await db.insertInto("notes").values(note).execute();
      publish(NoteTaken, note);
      return reply(201, note);
    }),
  },
  consumers: [],
});
const flags = ["--data=./data-" + process.pid, "--port=0", "--service-port=0", "--log-level=error"];
const platform = await startPlatform({ systems: { demo: [notes] }, args: flags, env: {} });
// A driver that is not installed is missed where it is configured, by name.
const postgres = { systems: { demo: [notes] }, args: [...flags, "--store=postgres://127.0.0.1:1/none"], env: {} };
await assert.rejects(startPlatform(postgres), /npm install pg/);
const mongodb = { url: "mongodb://127.0.0.1:1", database: "none", runtime: systemRuntime() };
await assert.rejects(mongoDocuments(mongodb), /npm install mongodb/);
const headers = { "content-type": "application/json", "idempotency-key": "k1" };
const take = () => fetch(platform.url + "/notes", { method: "POST", headers, body: JSON.stringify({ text: "hello" }) });
const [first, again] = [await take(), await take()];
assert.equal(first.status, 201);
assert.deepEqual(await again.json(), await first.json(), "the same key, the same reply");
await platform.stop(1000);
console.log("ok " + process.version);
`;

/** Suites, run by a stranger against engines of his: here, against ours. */
const suite = `
import { mkdtempSync, rmSync } from "node:fs";
import { documentEngineConformance, isolationConformance, sqlEngineConformance } from "holdfast/conformance";
import { embeddedDocuments } from "holdfast/documents";
import { systemRuntime } from "holdfast/runtime";
import { sqliteEngine } from "holdfast/sql";

documentEngineConformance("theirs", async () => {
  const folder = mkdtempSync("./documents-");
  const engines = [];
  return {
    async open() {
      engines.push(await embeddedDocuments({ file: folder + "/d.db", durability: "none", runtime: systemRuntime(), onFatal: console.error }));
      return engines.at(-1);
    },
    async [Symbol.asyncDispose]() {
      for (const engine of engines) await engine.close();
      rmSync(folder, { recursive: true });
    },
  };
}, { durable: true });

const engineIn = (t) => {
  const folder = mkdtempSync("./tables-");
  t.after(() => rmSync(folder, { recursive: true }));
  return () => sqliteEngine({ file: folder + "/t.db", durability: "none" });
};
sqlEngineConformance("theirs", async (t) => engineIn(t)(), { strict: true, readOnly: true });
const ground = async (t) => ({ name: "orders", isolation: "serializable", engine: engineIn(t) });
isolationConformance("theirs", ground, { shared: true });
`;

try {
  const { dist, tarball, files, unpackedSize } = packKit(project);
  must("publint", process.execPath, [join(root, "node_modules/publint/src/cli.js"), dist, "--strict"], here);
  // It resolves every export as Node and as a bundler do; CommonJS is not promised.
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  must("attw", process.execPath, [attw, tarball, "--profile", "esm-only", "--no-emoji", "--format", "ascii"], here);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "packed", private: true, type: "module" }));
  installKit(project, tarball);

  // Written by build-kit.ts a moment ago.
  const { exports, peerDependencies } = JSON.parse(readFileSync(join(dist, "package.json"), "utf8")) as {
    exports: Record<string, unknown>;
    peerDependencies: Record<string, string>;
  };
  for (const peer of Object.keys(peerDependencies))
    if (existsSync(join(project, "node_modules", peer))) throw new Error(`${peer} was installed: it is not optional`);
  const subpaths = Object.keys(exports)
    .filter((each) => each !== "./package.json")
    .map((each) => `holdfast${each.slice(1)}`);
  writeFileSync(join(project, "main.js"), program(subpaths));
  for (const node of nodes)
    console.log(
      `every subpath imported, a service run: ${must(`the program on ${node}`, node, ["main.js"], here).trim()}`,
    );

  writeFileSync(join(project, "suite.test.js"), suite);
  const ran = must(
    "the suites of the packed kit",
    process.execPath,
    ["--test", "--test-reporter=tap", "suite.test.js"],
    here,
  );
  console.log(`suites run from the packed kit: ${/^# pass \d+$/m.exec(ran)?.[0] ?? "nothing"} tests`);

  writeFileSync(
    join(project, "main.ts"),
    subpaths.map((each, index) => `export * as s${String(index)} from "${each}";`).join("\n"),
  );
  const compilerOptions = {
    strict: true,
    module: "nodenext",
    target: "esnext",
    noEmit: true,
    types: ["node"],
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
  lend(project, ["@types/node", "@types/pg"]);
  must(
    "the compiler",
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", ".", "--checkers", "1"],
    here,
  );

  const du = execFileSync("du", ["-skL", "--exclude=@types", join(project, "node_modules")], { encoding: "utf8" });
  bounded("packed", statSync(tarball).size / 1024, 400);
  bounded("unpacked", unpackedSize / 1024, 1_500);
  bounded("with its dependencies", Number.parseInt(du, 10), 45_000);
  const strays = globSync("**/*", { cwd: dist })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.test\.|(^|\/)fixtures\//.test(file) && !file.startsWith("cli/template/"));
  if (strays.length > 0) throw new Error(`tests and fixtures were packed: ${strays.join(", ")}`);
  console.log(`${String(files)} files, no test among them`);
} finally {
  rmSync(project, { recursive: true, force: true });
}
