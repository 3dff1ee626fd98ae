import { accessSync, closeSync, constants, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import type { ErrorClass } from "./engine.ts";

/**
 * What a result code (https://sqlite.org/rescode.html) means for the file. Every code that SQLite may give at a commit is decided here, and only here:
 *
 * | code | class | at a commit |
 * |---|---|---|
 * | FULL | `unwritable` | refused; the process goes on |
 * | IOERR_WRITE, IOERR_TRUNCATE, IOERR_SHMSIZE, READONLY, CANTOPEN | `unwritable` if a new file cannot be written either (full, quota, size limit, read-only), else `lost` | as its class |
 * | every other IOERR (FSYNC and READ among them), CORRUPT, NOTADB | `lost` | the process ends: what is on disk is not known |
 *
 * A write that the system refused is harmless: a transaction counts when its last frame is in the log and synced. After a failed sync nothing is certain.
 */
const codes = { full: 13, ioError: 10, corrupt: 11, cannotOpen: 14, notADatabase: 26, readOnly: 8 } as const;
/** IOERR_WRITE, IOERR_TRUNCATE, IOERR_SHMSIZE */
const refusedWrites = [778, 1546, 4874];
/** PRIMARYKEY, UNIQUE, ROWID */
const uniqueCodes = [1555, 2067, 2579];

/** A fault of a database file: the message names the file, what is wrong and what to do. */
export class SqliteFileError extends Error {
  readonly kind: "unwritable" | "lost" | "unknown";
  /** The file is not the one that was opened any more, or is no database: nothing that it says counts. */
  readonly gone: boolean;

  constructor(
    kind: SqliteFileError["kind"],
    message: string,
    options: ErrorOptions & { readonly gone?: boolean } = {},
  ) {
    super(message, options);
    this.gone = options.gone ?? false;
    this.name = "SqliteFileError";
    this.kind = kind;
    // The cause has it.
    this.stack = `${this.name}: ${message}`;
  }
}

export function classify(error: unknown): ErrorClass {
  if (error instanceof SqliteFileError) return error.kind;
  const code = codeOf(error);
  if (code === undefined) return "other";
  const primary = code & 0xff;
  if (primary === 5 || primary === 6) return "busy";
  if (primary === 19) return uniqueCodes.includes(code) ? "unique" : "constraint";
  return "other";
}

/** The error as it is, or, where it is about the file, one that says so. */
export function explained(file: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error)) return error;
  const primary = code & 0xff;
  const gone = primary === codes.notADatabase || primary === codes.corrupt;
  const fault = (kind: SqliteFileError["kind"], what: string) =>
    new SqliteFileError(kind, `${file} ${what}`, { cause: error, gone });
  if (primary === codes.full) return fault("unwritable", texts.ENOSPC);
  if (refusedWrites.includes(code) || primary === codes.readOnly || primary === codes.cannotOpen) {
    const refused = refusalOf(file);
    if (refused !== undefined) return fault("unwritable", texts[refused]);
  }
  if (primary === codes.notADatabase)
    return fault("lost", "is not an SQLite database, or is damaged. Restore it from a backup.");
  if (primary === codes.corrupt) return fault("lost", `is damaged (${error.message}). Restore it from a backup.`);
  if (primary === codes.cannotOpen) return fault("lost", `cannot be opened: ${whyNotOpened(file)}.`);
  if (primary === codes.readOnly) return fault("lost", "cannot be written: this user may only read it.");
  if (primary === codes.ioError) return fault("lost", `cannot be read or written: ${error.message} (${String(code)}).`);
  return error;
}

const texts = {
  ENOSPC: "cannot be written: the disk is full. Make room.",
  EDQUOT: "cannot be written: the disk quota is used up. Make room.",
  EFBIG: "cannot be written: it would exceed the limit for the size of files (ulimit -f).",
  EROFS: "cannot be written: its file system is read-only.",
  EMFILE: "cannot be opened: this process has too many open files (ulimit -n).",
  ENFILE: "cannot be opened: the system has too many open files.",
} as const;
type Refusal = keyof typeof texts;
const isRefusal = (code: unknown): code is Refusal => typeof code === "string" && code in texts;

const probeBytes = 65_536;

/** SQLite does not say why the system refused a write: a file beside it is written as far out as the database or its log would be. */
function refusalOf(file: string): Refusal | undefined {
  const probe = `${file}.probe-${String(process.pid)}`;
  const end = Math.max(sizeOf(file), sizeOf(`${file}-wal`));
  let fd: number | undefined;
  try {
    fd = openSync(probe, "w", 0o600);
    const written = writeSync(fd, Buffer.alloc(probeBytes), 0, probeBytes, end);
    if (written < probeBytes) writeSync(fd, Buffer.alloc(probeBytes - written), 0, probeBytes - written, end + written);
    fsyncSync(fd);
    return undefined;
  } catch (error) {
    const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
    return isRefusal(code) ? code : undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
    rmSync(probe, { force: true });
  }
}

/** Throws where this user may not read and write a file: SQLite would open it read-only, and say so at the first write. */
export function requireAccess(file: string): void {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
  } catch (error) {
    const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
    const [kind, what] = isRefusal(code)
      ? (["unwritable", texts[code]] as const)
      : (["lost", "cannot be opened: this user may not read and write it. Change its owner or mode."] as const);
    throw new SqliteFileError(kind, `${file} ${what}`, { cause: error });
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function whyNotOpened(file: string): string {
  try {
    if (statSync(file).isDirectory()) return "it is a folder. Move it away";
    closeSync(openSync(`${file}.probe-${String(process.pid)}`, "wx", 0o600));
    rmSync(`${file}.probe-${String(process.pid)}`, { force: true });
    return "this user may not use it, or a file beside it";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
