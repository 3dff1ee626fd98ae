import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { until } from "holdfast/testing";
import { blocksOf, unprinted } from "./guide-blocks.ts";
import { follow, typeFaults } from "./guides.ts";
import { lend } from "./packed.ts";

const fence = "```";
const block = (info: string, ...lines: readonly string[]) => [fence + info, ...lines, fence].join("\n");
const folder = (context: TestContext) => {
  const made = mkdtempSync(path.join(os.tmpdir(), "holdfast-guide-"));
  context.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
};
const read = (context: TestContext, ...parts: readonly string[]) =>
  follow({ file: "guide.md", page: parts.join("\n\nThen:\n\n") }, folder(context));

test("a guide is followed: files, folders and variables last, and what is promised is printed", async (context) => {
  const own = folder(context);
  const page = [
    block("sh run", "mkdir shop && cd shop", "name=Ada"),
    block("js file=src/hello.mjs", 'console.log("hello", process.argv[2]);'),
    block("sh run", "cat", 'node src/hello.mjs "$name"', "echo http://localhost:8080/docs"),
    block("text output", "hello Ada", "…", "http://localhost:8080/…"),
  ].join("\n");
  const { faults, blocks } = await follow({ file: "guide.md", page }, own);
  assert.deepEqual(faults, []);
  assert.equal(blocks, 4);
  assert.ok(existsSync(path.join(own, "shop/src/hello.mjs")));
});

test("what goes on in another terminal is awaited, and ended by Ctrl-C", async (context) => {
  const serve = [
    'import { createServer } from "node:http";',
    'const server = createServer((_, reply) => reply.end("served"));',
    'server.listen(process.env.HOLDFAST_PORT, () => console.log("ready"));',
    'process.on("SIGINT", () => { console.log("closing"); server.close(); server.closeAllConnections(); });',
  ];
  const page = [
    block("js file=serve.mjs", ...serve),
    block("sh terminal", "node serve.mjs"),
    block("text output", "ready"),
    block("sh run", "curl -s http://localhost:8080/"),
    block("text output", "served"),
    block("sh terminal", "^C"),
    block("text output", "closing"),
    block("sh run", "! curl -s http://localhost:8080/"),
  ];
  assert.deepEqual((await read(context, ...page)).faults, []);
});

const planted: readonly [what: string, page: readonly string[], fault: RegExp][] = [
  ["a command that fails", [block("sh run", "false", "echo on")], /^guide\.md:1: failed with 1$/],
  ["one that fails in a pipe", [block("sh run", "false | cat")], /failed with 1/],
  [
    "another output than promised",
    [block("sh run", "echo one"), block("text output", "two")],
    /guide\.md:7: did not print two; it printed\none/,
  ],
  [
    "lines in another order",
    [block("sh run", "echo one; echo two"), block("text output", "two", "one")],
    /did not print one/,
  ],
  [
    "a program that ends before it says what is promised",
    [block("sh terminal", "echo almost"), block("text output", "ready")],
    /did not print ready; it printed\nalmost/,
  ],
  ["a block that does not say what becomes of it", [block("ts", "const a = 1;")], /guide\.md:1: a block of ts says/],
  ["an output of nothing", [block("text output", "x")], /nothing was run/],
  ["Ctrl-C where nothing goes on", [block("sh terminal", "^C")], /nothing goes on/],
];
for (const [what, page, fault] of planted)
  test(`a guide is found wrong by ${what}`, async (context) => {
    const { faults } = await read(context, ...page);
    assert.equal(faults.length, 1);
    assert.match(faults.join(), fault);
  });

test("a guide that is broken off leaves nothing running", async (context) => {
  const own = folder(context);
  const over = new AbortController();
  const page = [
    block("sh terminal", "echo $$ > terminal; exec sleep 600"),
    block(
      "sh run",
      "until [ -s terminal ]; do :; done",
      "sleep 600 & echo $! > background",
      "mv background ready",
      "wait",
    ),
  ].join("\n");
  const followed = follow({ file: "guide.md", page }, own, over.signal);
  await until("both processes run", () => existsSync(path.join(own, "ready")));
  over.abort();
  assert.match((await followed).faults.join(), /guide\.md:4: failed with SIGKILL/);
  const pids = ["terminal", "ready"].map((name) => Number(readFileSync(path.join(own, name), "utf8")));
  await until("both are gone", () => pids.every((pid) => hasEnded(pid)));
});

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A child whose parent has not asked yet how it ended is none any more.
    return process.platform === "linux" && / Z /.test(readFileSync(`/proc/${String(pid)}/stat`, "utf8"));
  } catch {
    return true;
  }
}

test("TypeScript that does not compile is found in the guide", async (context) => {
  const own = folder(context);
  const page = `# A guide\n\n${block("ts file=src/a.ts", "", 'export const a: number = "b";')}\n${block("ts file=src/fine.ts", "export const a = 1;")}`;
  const { faults, written } = await follow({ file: "guide.md", page }, own);
  writeFileSync(path.join(own, "package.json"), '{ "type": "module" }');
  lend(own, ["@types/node"]);
  assert.deepEqual(faults, []);
  assert.match(readFileSync(path.join(own, "src/a.ts"), "utf8"), /number/);
  const found = typeFaults(own, written);
  assert.equal(found.length, 1);
  assert.match(found.join(), /^guide\.md:3: \(2,14\): error TS2322/);
});

test("blocks that cannot be tried, and those of other checks, are told from those that were forgotten", () => {
  const page = [
    block("sh unchecked", "rm -rf x"),
    block("sh check", "curl x"),
    block("", "a ─▶ b"),
    block("text", "t"),
  ];
  assert.deepEqual(blocksOf(page.join("\n")), { blocks: [], faults: [] });
});

test("a line is printed where its parts are, one after another", () => {
  assert.equal(unprinted("id …, ok", "1\nthe id 7, then 8, ok!"), undefined);
  assert.equal(unprinted("id …, ok", "ok, id 7"), "id …, ok");
  // What curl printed has no end of a line.
  assert.equal(unprinted("one\ntwo\n…\nthree", "one, two\n\n3: three"), undefined);
  assert.equal(unprinted("one\none", "one\ntwo"), "one");
});
