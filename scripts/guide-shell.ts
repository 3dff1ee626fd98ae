// The terminals of somebody who follows a guide.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { unprinted } from "./guide-blocks.ts";

export interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A process group with all that came of it: what it printed, on both streams, and how it ended. */
class Printing {
  readonly child: ChildProcess;
  text = "";
  ended: string | undefined;
  #changed = Promise.withResolvers<void>();

  /** `end` is "close" where all that was printed counts, and nothing stays behind that could hold the streams open. */
  constructor(args: readonly string[], { cwd, env }: Place, end: "exit" | "close") {
    this.child = spawn("bash", args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.text += chunk;
        this.#tell();
      });
    const ended = (how: string) => {
      this.ended = how;
      this.#tell();
    };
    this.child.once(end, (code: number | null, signal: string | null) => ended(signal ?? String(code)));
    this.child.once("error", (error) => ended(error.message));
    // What is written to a shell that has ended is read by nobody: `ended` tells.
    this.child.stdin?.on("error", () => {});
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves to whether it came to hold within so many milliseconds. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const late = AbortSignal.timeout(ms);
    const over = once(late, "abort");
    while (!holds() && !late.aborted) await Promise.race([this.#changed.promise, over]);
    return holds();
  }

  signal(name: NodeJS.Signals): void {
    try {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, name);
    } catch (error) {
      // The whole group has ended already.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

const mark = "-- the end of a block --";

/** What a block printed, and why it is a fault, if it is one. */
export interface Outcome {
  readonly printed: string;
  readonly fault: string | undefined;
}

/** One shell, in which folder and variables last from block to block. It ends at the first command that fails. */
export class Shell {
  readonly #bash: Printing;
  cwd: string;

  constructor(place: Place) {
    this.#bash = new Printing(["-s"], place, "exit");
    this.cwd = place.cwd;
    this.#say(`exec 2>&1\nset -eo pipefail\ntrap 'printf "\\n%s %s %s\\n" "${mark}" $? "$PWD"' EXIT`);
  }

  #say(line: string): void {
    this.#bash.child.stdin?.write(`${line}\n`);
  }

  async run(text: string, ms: number): Promise<Outcome> {
    const from = this.#bash.text.length;
    const rest = () => this.#bash.text.slice(from);
    const end = new RegExp(`\\n${mark} (\\d+) (.*)\\n`);
    // What it runs must not read on in the script that comes this way.
    this.#say(`eval "$(cat <<'${mark}'\n${text}\n${mark}\n)" </dev/null`);
    this.#say(`printf '\\n%s 0 %s\\n' '${mark}' "$PWD"`);
    await this.#bash.until(() => end.test(rest()) || this.#bash.ended !== undefined, ms);
    const [printed = "", status = this.#bash.ended, cwd = this.cwd] = rest().split(end);
    this.cwd = cwd;
    if (status === "0") return { printed, fault: undefined };
    return {
      printed,
      fault: status === undefined ? `did not end within ${String(ms / 1000)} s` : `failed with ${status}`,
    };
  }

  /** Ends what it started and left behind, too. */
  close(): void {
    this.#bash.signal("SIGKILL");
  }
}

/** Another terminal, in which something goes on. */
export class Terminal {
  readonly #bash: Printing;

  constructor(text: string, place: Place) {
    this.#bash = new Printing(["-c", text], place, "close");
    this.#bash.child.stdin?.end();
  }

  /** Waits until these lines are printed, or cannot be any more. */
  async prints(lines: string, clean: (text: string) => string, ms: number): Promise<Outcome> {
    const missing = () => unprinted(lines, clean(this.#bash.text));
    await this.#bash.until(() => missing() === undefined || this.#bash.ended !== undefined, ms);
    const line = missing();
    return { printed: this.#bash.text, fault: line === undefined ? undefined : `did not print ${line}` };
  }

  /** Ctrl-C; a fault when it has not ended after so many milliseconds. */
  async interrupt(ms: number): Promise<Outcome> {
    this.#bash.signal("SIGINT");
    const ended = await this.#bash.until(() => this.#bash.ended !== undefined, ms);
    return {
      printed: this.#bash.text,
      fault: ended ? undefined : `did not end within ${String(ms / 1000)} s of Ctrl-C`,
    };
  }

  close(): void {
    this.#bash.signal("SIGKILL");
  }
}
