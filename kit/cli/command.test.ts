import assert from "node:assert/strict";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { command } from "./command.ts";
import { nodeFault } from "./node-fault.ts";

const root = path.resolve(import.meta.dirname, "../..");
const template = path.join(import.meta.dirname, "template");
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = (folder: string) => JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;

function place(context: TestContext) {
  const cwd = mkdtempSync(path.join(os.tmpdir(), "holdfast-new-"));
  context.after(() => rmSync(cwd, { recursive: true, force: true }));
  const run = async (...args: readonly string[]) => {
    const [said, complaints]: [string[], string[]] = [[], []];
    const code = await command(args, {
      cwd,
      say: (text) => said.push(text),
      complain: (text) => complaints.push(text),
    });
    return { code, said: said.join("\n"), complaints: complaints.join("\n") };
  };
  return { cwd, run };
}

test("a new project is the template under its own name", async (context) => {
  const { cwd, run } = place(context);
  const { code, said } = await run("new", "project", "./far/my-shop");
  assert.equal(code, 0);
  assert.match(said, /^ {2}cd far\/my-shop\n {2}npm install$/m);
  const made = path.join(cwd, "far/my-shop");
  const files = globSync("**", { cwd: template }).map((file) => (file === "gitignore" ? ".gitignore" : file));
  assert.ok(files.length > 20);
  for (const file of files) assert.ok(existsSync(path.join(made, file)), `${file} is missing`);
  assert.match(readFileSync(path.join(made, "README.md"), "utf8"), /^# my-shop$/m);
  const text = globSync("**/*.*", { cwd: made }).map((file) => readFileSync(path.join(made, file), "utf8"));
  assert.doesNotMatch(text.join(), /my-project/);
  assert.equal(manifest(made).name, "my-shop");
});

test("a project may be made where there is an empty folder, or only a repository", async (context) => {
  const { cwd, run } = place(context);
  mkdirSync(path.join(cwd, "shop/.git"), { recursive: true });
  assert.equal((await run("new", "project", "shop")).code, 0);
});

test("what is there already is never touched", async (context) => {
  const { cwd, run } = place(context);
  mkdirSync(path.join(cwd, "shop"));
  writeFileSync(path.join(cwd, "shop/a.txt"), "mine");
  writeFileSync(path.join(cwd, "file"), "mine");
  const full = await run("new", "project", "shop");
  assert.deepEqual([full.code, full.complaints], [1, "shop is not empty: there is a.txt. Nothing was written."]);
  assert.deepEqual(readdirSync(path.join(cwd, "shop")), ["a.txt"]);
  const file = await run("new", "project", "file");
  assert.deepEqual([file.code, file.complaints], [1, "file is a file, or lies in one."]);
});

for (const name of ["My-Shop", "my_shop", "1shop", "shop-", "shöp", "a b", "holdfast", "node_modules"])
  test(`${name} is refused as a project's name, and nothing is written`, async (context) => {
    const { cwd, run } = place(context);
    const { code, complaints } = await run("new", "project", name);
    assert.equal(code, 1);
    assert.match(complaints, new RegExp(`"${name}" (is no name|cannot be a project's name)`));
    assert.ok(!existsSync(path.join(cwd, name)));
  });

const misunderstood: readonly (readonly [args: readonly string[], why: RegExp])[] = [
  [[], /^Say what to do/],
  [["old"], /no command "old"/],
  [["new"], /Say what is new/],
  [["new", "world"], /no new "world"/],
  [["new", "project"], /Say in which folder/],
  [["new", "project", "a", "b"], /takes one folder/],
  [["new", "project", "--force", "a"], /no option --force/],
  [["new", "migration", "notes"], /what it is about/],
];
for (const [args, why] of misunderstood)
  test(`"holdfast ${args.join(" ")}" is answered with what there is, and 2`, async (context) => {
    const { code, complaints, said } = await place(context).run(...args);
    assert.equal(code, 2);
    assert.match(complaints, why);
    assert.match(complaints, /^Usage: holdfast <command>$/m);
    assert.equal(said, "");
  });

test("--help and --version are answered wherever they stand", async (context) => {
  const { run } = place(context);
  const help = await run("new", "project", "--help");
  assert.equal(help.code, 0);
  assert.match(help.said, /^Usage: /);
  assert.deepEqual(await run("--version"), {
    code: 0,
    said: manifest(path.join(root, "kit")).version,
    complaints: "",
  });
});

test("a column that was added becomes a migration, which is listed", async (context) => {
  const { cwd, run } = place(context);
  await run("new", "project", "shop");
  symlinkSync(path.join(root, "node_modules"), path.join(cwd, "shop/node_modules"));
  const nothing = await run("new", "migration", "shop/notes", "add-author");
  assert.equal(nothing.code, 1);
  assert.match(nothing.complaints, /nothing to migrate/);
  // A module is loaded once in a process: another service's folder stands for the next call.
  const tables = path.join(cwd, "shop/topics/tables.ts");
  writeFileSync(
    tables,
    readFileSync(tables, "utf8").replace("latest: text()", "latest: text(), by: text().optional()"),
  );
  const { code, said } = await run("new", "migration", "shop/topics", "add-author");
  assert.deepEqual([code, said], [0, "shop/topics/migrations/0002-add-author.ts is written, and listed beside it."]);
  const list = readFileSync(path.join(cwd, "shop/topics/migrations/index.ts"), "utf8");
  assert.match(list, /\[initial, addAuthor\]/);
});

test("a folder that is no service has no migrations", async (context) => {
  const { code, complaints } = await place(context).run("new", "migration", "nowhere", "initial");
  assert.deepEqual([code, complaints], [1, "nowhere/tables.ts is not there: name a service's folder."]);
});

test("the template's tools are those of this repository, and it wants no other Node than the kit", () => {
  const { devDependencies, engines } = manifest(template);
  for (const [name, version] of Object.entries(devDependencies))
    assert.equal(version, manifest(root).devDependencies[name], name);
  assert.deepEqual(engines, manifest(path.join(root, "kit")).engines);
});

test("a Node that is too old is named, before anything is loaded that it cannot load", () => {
  const lowest = manifest(path.join(root, "kit")).engines["node"]?.replace(">=", "") ?? "";
  assert.equal(nodeFault(lowest), undefined);
  assert.equal(nodeFault(process.versions.node), undefined);
  const major = Number.parseInt(lowest, 10);
  assert.equal(
    nodeFault(`${String(major - 1)}.9.9`),
    `Holdfast needs Node ${String(major)} or newer; this is Node ${String(major - 1)}.9.9.`,
  );
});
