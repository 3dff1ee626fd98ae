import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Logger } from "../telemetry/index.ts";

/** What a data folder remembers of a store: one that is emptied or lost is not taken for a new one. */
export interface KnownStore {
  /** The id that the store has had; undefined where the folder has not seen it yet. */
  readonly id: string | undefined;
  /** The error of a store that is not the one that the folder knows. @param found what there is in its place, as a sentence's beginning: `/data/orders.db is missing` */
  refuse(found: string): Error;
  /** Throws where the folder cannot be written. */
  remember(id: string): void;
}

export interface Whose {
  /** The data folder. */
  readonly data: string;
  /** Of the service, or `broker`. */
  readonly name: string;
  /** Where the store is: the same name in another place is another store. Credentials do not count. */
  readonly url: string;
}

/** Kept in `stores/<name>.<place>` of the data folder, a file each, so that several processes may write. */
export function knownStore({ data, name, url }: Whose): KnownStore {
  const file = path.join(data, "stores", `${name}.${placeOf(url, data)}`);
  const id = read(file);
  return {
    id,
    refuse: (found) =>
      new Error(
        `${found}, but this data folder belongs to a platform that has used the store ${id ?? ""} of "${name}". Restore that store from a backup. To go on with an empty one instead, delete ${file} and start again.`,
      ),
    remember(newId) {
      if (newId === id) return;
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      const draft = `${file}.${randomUUID()}`;
      writeFileSync(draft, `${newId}\n`, { mode: 0o600, flush: true });
      renameSync(draft, file);
    },
  };
}

/** Keeps the id for later starts; where that fails, the log says so and the next start tries again. */
export function remember(known: KnownStore, id: string, log: Logger): void {
  try {
    known.remember(id);
  } catch (error) {
    log.warn("the data folder cannot remember its store", { error });
  }
}

function placeOf(url: string, data: string): string {
  const [scheme, rest] = [url.slice(0, url.indexOf(":")), url.slice(url.indexOf(":") + 1)];
  if (scheme === "sqlite" && path.resolve(rest) === path.resolve(data)) return scheme;
  const where = scheme === "sqlite" ? path.resolve(rest) : `${new URL(url).host}${new URL(url).pathname}`;
  return `${scheme}-${createHash("sha256").update(where).digest("hex").slice(0, 12)}`;
}

function read(file: string): string | undefined {
  try {
    const id = readFileSync(file, "utf8").trim();
    return id === "" ? undefined : id;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
