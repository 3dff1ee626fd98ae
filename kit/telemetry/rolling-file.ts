import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { privateFile, type Clock } from "../runtime/index.ts";

export interface RollingOptions {
  readonly folder: string;
  /** `orders` is written to `orders.log`; what was full before stands beside it, as `orders.2030-01-01T00-00-00-000Z.log`. */
  readonly name: string;
  /** An append that would make the file larger begins a new one. */
  readonly bytes: number;
  /** Full files that stay; the oldest go. */
  readonly kept: number;
  readonly clock: Pick<Clock, "now">;
}

const newline = 0x0a;

/**
 * A file that is appended to, line by line, also by several processes at a time, and when somebody else moves or deletes it. A batch is one
 * write to the system, synchronous: what `append` took survives the process, though not a power cut.
 */
export class RollingFile {
  readonly #options: RollingOptions;
  readonly #path: string;
  #open: { readonly fd: number; readonly ino: number; readonly dev: number } | undefined;
  /** A write broke off: what comes next begins a line. */
  #torn = false;

  constructor(options: RollingOptions) {
    this.#options = options;
    this.#path = path.join(options.folder, `${options.name}.log`);
  }

  /** Whole lines. Throws what the system says where they cannot be written, and may be called again. */
  append(lines: string): void {
    const bytes = Buffer.from(lines);
    const size = this.#follow();
    if (size > 0 && size + bytes.length > this.#options.bytes) {
      this.#roll();
      this.#follow();
    }
    if (this.#torn) this.#write(Buffer.of(newline));
    this.#torn = false;
    this.#write(bytes);
  }

  close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) closeSync(open.fd);
  }

  #write(bytes: Buffer): void {
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#open?.fd ?? -1, bytes, at);
    } catch (error) {
      if (at > 0) this.#torn = true;
      throw error;
    }
  }

  /** Sees to it that what is open is what the path names; gives its size. */
  #follow(): number {
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (there !== undefined && there.ino === this.#open?.ino && there.dev === this.#open.dev) return there.size;
    this.close();
    privateFile(this.#path);
    const fd = openSync(this.#path, "a+");
    const { ino, dev, size } = fstatSync(fd);
    this.#open = { fd, ino, dev };
    const last = Buffer.alloc(1);
    // Somebody was killed, or the disk became full, in the middle of a line.
    this.#torn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== newline;
    return size;
  }

  #roll(): void {
    const { folder, name, kept, clock } = this.#options;
    this.close();
    const old = readdirSync(folder)
      .filter((file) => file.startsWith(`${name}.`) && stamped.test(file.slice(name.length)))
      .toSorted();
    // Names sort by age also where the clock went back, or stood still.
    const newest = timeOf(old.at(-1)?.slice(name.length + 1) ?? "");
    const stamp = new Date(Math.max(clock.now(), newest + 1)).toISOString().replaceAll(/[:.]/g, "-");
    const full = `${name}.${stamp}.log`;
    try {
      renameSync(this.#path, path.join(folder, full));
      old.push(full);
    } catch (error) {
      // Another process was faster.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
    for (const file of old.slice(0, Math.max(0, old.length - kept))) rmSync(path.join(folder, file), { force: true });
  }
}

const stamped = /^\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z\.log$/;
const timeOf = (stamp: string): number =>
  Date.parse(stamp.replace(/^(.{10}T\d\d)-(\d\d)-(\d\d)-(\d{3}Z)\.log$/, "$1:$2:$3.$4")) || 0;
