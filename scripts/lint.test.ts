// The lint rules that the project counts on are shown a fault each; a rule that is renamed or switched off shows here.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { root } from "./repository.ts";

const planted: Record<string, string> = {
  "kit/a.ts": [
    `import { b } from "./b.ts";`,
    `export default b;`,
    `export const c = async () => { b(); };`,
    `export const d: any = 1;`,
    `export const e = (x: string | undefined) => x!.length;`,
    `export const f = () => { console.log("f"); process.exit(1); };`,
    `export const g = () => { [1].forEach(async () => { await b(); }); };`,
    `export const h = (x: string) => JSON.parse(x).h;`,
    `export const i = () => { throw "i"; };`,
    `import { readFileSync } from "fs";`,
    `export { readFileSync };`,
  ].join("\n"),
  "kit/b.ts": `import type {} from "./a.ts";\nexport const b = async (): Promise<number> => 1;`,
  "kit/long.ts": "export const x = 1;\n".padEnd(401 + 20, "\n"),
  "systems/a.ts": `export const a = () => fetch("http://127.0.0.1");`,
  "scripts/fine.ts": `console.log("a script may print");\nprocess.exit(0);`,
};

function rulesFound(): Set<string> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-lint-"));
  try {
    for (const name of [".oxlintrc.json", "tsconfig.json"]) copyFileSync(join(root, name), join(folder, name));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const [path, text] of Object.entries(planted)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const oxlint = join(root, "node_modules/oxlint/bin/oxlint");
    const { stdout } = spawnSync(process.execPath, [oxlint, "-f", "unix", "kit", "systems", "scripts"], {
      cwd: folder,
      encoding: "utf8",
    });
    const found = [...stdout.matchAll(/^(\S+?):\d+:\d+: .*\[Error\/(.+)\]$/gm)];
    return new Set(found.map(([, path = "", rule = ""]) => `${path} ${rule}`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const found = rulesFound();
const wanted = [
  "kit/a.ts import(no-cycle)",
  "kit/a.ts import(no-default-export)",
  "kit/a.ts typescript(no-floating-promises)",
  "kit/a.ts typescript(no-explicit-any)",
  "kit/a.ts typescript(no-non-null-assertion)",
  "kit/a.ts eslint(no-console)",
  "kit/a.ts unicorn(no-process-exit)",
  "kit/a.ts typescript(no-misused-promises)",
  "kit/a.ts typescript(no-unsafe-member-access)",
  "kit/a.ts typescript(only-throw-error)",
  "kit/a.ts unicorn(prefer-node-protocol)",
  "kit/long.ts eslint(max-lines)",
  "systems/a.ts eslint(no-restricted-globals)",
];
for (const rule of wanted) test(`lint finds ${rule}`, () => assert.ok(found.has(rule), [...found].join("\n")));

test("lint leaves a script's prints and exits alone", () => {
  assert.deepEqual(
    [...found].filter((each) => each.startsWith("scripts/")),
    [],
  );
});
