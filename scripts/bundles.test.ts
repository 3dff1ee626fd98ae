// Bundles in a small checkout of its own, whose packages say of each of their modules that it is loaded.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { bundled } from "./bundles.mjs";
import { listFiles, root } from "./repository.ts";

const program = `
  import { said } from "typebox"; import { more } from "typebox/schema"; import "typebox/format"; import "kysely"; import "jose";
  more(); console.log(JSON.stringify(said));
`;
const packages: Readonly<Record<string, string>> = {
  "typebox/package.json": `{"name":"typebox","type":"module","version":"1.0.0","exports":{".":"./index.js","./schema":"./schema.js","./format":"./index.js"}}`,
  "typebox/state.js": `export const said = [import.meta.url.includes("/.cache/") ? "bundle" : "package"];`,
  "typebox/index.js": `export { said } from "./state.js";`,
  "typebox/schema.js": `import { said } from "./state.js"; export const more = () => said.push("more");`,
  "kysely/package.json": `{"name":"kysely","type":"module","version":"1.0.0","exports":"./index.js"}`,
  "kysely/index.js": "",
  "jose/package.json": `{"name":"jose","type":"module","version":"1.0.0","exports":"./index.js"}`,
  "jose/index.js": "",
};

function checkout() {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "holdfast-bundles-")));
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  };
  for (const [file, text] of Object.entries(packages)) write(`node_modules/${file}`, text);
  for (const file of ["bundles.mjs", "use-bundles.mjs"])
    cpSync(path.join(root, "scripts", file), path.join(folder, "scripts", file));
  write("program.mjs", program);
  for (const name of ["esbuild", "@esbuild"])
    symlinkSync(path.join(root, "node_modules", name), path.join(folder, "node_modules", name));
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  return {
    folder,
    write,
    bundle: () => run("scripts/bundles.mjs"),
    run: (file = "program.mjs") => run(`--import=${path.join(folder, "scripts/use-bundles.mjs")}`, file),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

test("a package's bundles are used while they are of the version that is installed, and share its state", () => {
  using it = checkout();
  assert.equal(it.run(), `["package","more"]`, "before they are made");
  it.bundle();
  assert.equal(it.run(), `["bundle","more"]`);
  it.write("node_modules/typebox/package.json", (packages["typebox/package.json"] ?? "").replace("1.0.0", "1.0.1"));
  assert.equal(it.run(), `["package","more"]`, "after another version was installed");
  it.bundle();
  assert.equal(it.run(), `["bundle","more"]`);
});

test("a file of another folder has its packages from there", () => {
  using it = checkout();
  it.bundle();
  using other = checkout();
  assert.equal(it.run(path.join(other.folder, "program.mjs")), `["package","more"]`);
});

test("without the bundler there are no bundles, and no error", () => {
  using it = checkout();
  rmSync(path.join(it.folder, "node_modules/esbuild"));
  it.bundle();
  assert.equal(it.run(), `["package","more"]`);
});

test("whatever this repository imports of a bundled package is bundled", () => {
  const ours = listFiles().filter((file) => /^(kit|systems|bench|demo)\/.*\.ts$/.test(file));
  const imported = ours.flatMap((file) =>
    [
      ...readFileSync(path.join(root, file), "utf8").matchAll(/^(?:import|export|\}) (?!type ).*from "([^"]+)";$/gm),
    ].map(([, name = ""]) => name),
  );
  const packagesOf = new Set(bundled.map((name) => name.split("/")[0] ?? ""));
  const wanted = new Set(imported.filter((name) => packagesOf.has(name.split("/")[0] ?? "")));
  assert.ok(wanted.size > 2, "imports were found");
  assert.deepEqual(
    [...wanted].filter((name) => !bundled.includes(name)),
    [],
  );
});
