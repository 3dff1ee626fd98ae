// `node scripts/guides.ts [words]`: follows the guides whose path contains one of the words to the letter, each in an empty folder of its own, in which
// the packed kit is at hand as `holdfast.tgz`. CONTRIBUTING.md has the rules. `npm run docs:check` follows them all.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { catchSignals } from "./children.ts";
import { blocksOf, unprinted, type Block } from "./guide-blocks.ts";
import { Shell, Terminal, type Outcome } from "./guide-shell.ts";
import { installKit, lend, packKit, strangersEnv } from "./packed.ts";
import { listFiles, root } from "./repository.ts";

const blockMs = 60_000;
const printMs = 30_000;

export interface Guide {
  readonly file: string;
  readonly page: string;
}
export interface Followed {
  readonly faults: readonly string[];
  readonly blocks: number;
  /** TypeScript that the reader wrote, by its absolute path, and where the guide says so. */
  readonly written: ReadonlyMap<string, string>;
}

/** A port that is free now. The guides say 8080. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Does what the guide says, in the folder; ends at the first fault, as what follows counts on it, and when the signal says so. */
export async function follow({ file, page }: Guide, folder: string, signal?: AbortSignal): Promise<Followed> {
  const { blocks, faults } = blocksOf(page);
  const port = String(await freePort());
  const env = { ...strangersEnv(), HOLDFAST_PORT: port, HOLDFAST_SERVICE_PORT: "0" };
  const toHere = (text: string) => text.replaceAll(/\b(localhost|127\.0\.0\.1):8080\b/g, `$1:${port}`);
  const toPage = (text: string) => text.replaceAll(`:${port}`, ":8080");
  const written = new Map<string, string>();
  const reader = new Reader({ cwd: folder, env });
  const close = () => reader.close();
  signal?.addEventListener("abort", close);
  let followed = 0;
  try {
    for (const block of faults.length > 0 ? [] : blocks) {
      if (block.kind === "file")
        written.set(reader.write(block.path, toHere(block.text)), `${file}:${String(block.line)}`);
      const text = block.kind === "output" ? block.text : toHere(block.text);
      const { printed, fault } = await reader.take({ ...block, text }, toPage);
      followed += 1;
      if (fault === undefined) continue;
      const said = toPage(printed).trim();
      return {
        faults: [`${file}:${String(block.line)}: ${fault}${said === "" ? "" : `; it printed\n${said.slice(-3_000)}`}`],
        blocks: followed,
        written,
      };
    }
  } finally {
    signal?.removeEventListener("abort", close);
    reader.close();
  }
  return { faults: faults.map((fault) => `${file}:${fault}`), blocks: followed, written };
}

/** Who follows a guide: at a shell, with another terminal beside it. */
class Reader {
  readonly #shell: Shell;
  readonly #env: NodeJS.ProcessEnv;
  #terminal: Terminal | undefined;
  #last: Outcome | "terminal" = { printed: "", fault: undefined };

  constructor(place: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    this.#shell = new Shell(place);
    this.#env = place.env;
  }

  /** Below the folder in which the shell is by now. Returns where that is. */
  write(name: string, text: string): string {
    const place = path.join(this.#shell.cwd, name);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text);
    return place;
  }

  async take({ kind, text }: Block, clean: (text: string) => string): Promise<Outcome> {
    switch (kind) {
      case "file":
        return { printed: "", fault: undefined };
      case "run":
        return (this.#last = await this.#shell.run(text, blockMs));
      case "terminal":
        this.#last = "terminal";
        if (text.trim() === "^C")
          return this.#terminal?.interrupt(printMs) ?? { printed: "", fault: "nothing goes on that could be ended" };
        this.#terminal?.close();
        this.#terminal = new Terminal(text, { cwd: this.#shell.cwd, env: this.#env });
        return { printed: "", fault: undefined };
      case "output": {
        if (this.#last === "terminal")
          return this.#terminal?.prints(text, clean, printMs) ?? { printed: "", fault: "nothing runs there" };
        const line = unprinted(text, clean(this.#last.printed));
        return { printed: this.#last.printed, fault: line === undefined ? undefined : `did not print ${line}` };
      }
    }
  }

  close(): void {
    this.#terminal?.close();
    this.#shell.close();
  }
}

/** The strict compiler's lines about what the readers wrote, with the places in the guides. */
export function typeFaults(folder: string, written: ReadonlyMap<string, string>): readonly string[] {
  const files = [...written.keys()].filter((name) => name.endsWith(".ts"));
  if (files.length === 0) return [];
  writeFileSync(
    path.join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: path.join(root, "tsconfig.json"),
      compilerOptions: { allowJs: false },
      files,
      include: [],
    }),
  );
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", ".", "--pretty", "false", "--checkers", "1"], {
    cwd: folder,
    encoding: "utf8",
  });
  const places = files.map((name) => [path.relative(folder, name), written.get(name) ?? ""] as const);
  const lines = stdout.split("\n").filter((line) => /error TS/.test(line));
  if (status !== 0 && lines.length === 0) return [`the compiler failed: ${stdout}`];
  return lines.map((line) => {
    const place = places.find(([name]) => line.startsWith(`${name}(`));
    return place === undefined ? line : `${place[1]}: ${line.slice(place[0].length)}`;
  });
}

/** Follows them all, two at a time. */
export async function followAll(guides: readonly Guide[]): Promise<{ faults: readonly string[]; blocks: number }> {
  if (guides.length === 0) return { faults: [], blocks: 0 };
  const folder = mkdtempSync(path.join(os.tmpdir(), "holdfast-guides-"));
  try {
    const { tarball } = packKit(folder);
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    installKit(folder, tarball);
    lend(folder, ["@opentelemetry", "@types/node", "typescript"]);
    const waiting = [...guides];
    const done: Followed[] = [];
    // What the guides have started has groups of its own, which a terminal's Ctrl-C does not reach.
    const over = new AbortController();
    using _ = catchSignals(() => {
      waiting.length = 0;
      over.abort();
    });
    const one = async () => {
      for (let guide = waiting.shift(); guide !== undefined; guide = waiting.shift()) {
        const own = path.join(folder, path.basename(guide.file, ".md"));
        mkdirSync(own);
        symlinkSync(tarball, path.join(own, "holdfast.tgz"));
        done.push(await follow(guide, own, over.signal));
      }
    };
    await Promise.all([one(), one()]);
    const written = new Map(done.flatMap((each) => [...each.written]));
    const faults = done.flatMap((each) => each.faults);
    return {
      faults: [...faults, ...typeFaults(folder, written)],
      blocks: done.reduce((sum, { blocks }) => sum + blocks, 0),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Those of the repository whose path contains one of the words; all without words. */
export function guides(words: readonly string[] = []): readonly Guide[] {
  return listFiles()
    .filter((file) => /^docs\/guides\/.*\.md$/.test(file))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .map((file) => ({ file, page: readFileSync(path.join(root, file), "utf8") }))
    .filter(({ page }) => {
      const { blocks, faults } = blocksOf(page);
      return blocks.length + faults.length > 0;
    });
}

if (import.meta.main) {
  const { faults, blocks } = await followAll(guides(process.argv.slice(2)));
  for (const fault of faults) console.error(fault);
  console.log(`guides: ${String(blocks)} blocks followed, ${String(faults.length)} fault(s)`);
  if (faults.length > 0) process.exitCode = 1;
}
