// The packed kit in other people's hands: what the scripts that pack, install and use it share.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import path from "node:path";
import { buildKit } from "./build-kit.ts";
import { root } from "./repository.ts";

/**
 * The environment of somebody who has nothing to do with this checkout: no settings of the npm that runs this, none of its commands; the Node that is named
 * comes first. @default this very Node
 */
export function strangersEnv(node: string = process.execPath): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_(registry|cafile|cache)$)|HOLDFAST_|NODE_(?!EXTRA_CA_CERTS$)|INIT_CWD$)/i.test(name),
  );
  const folders = (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => !folder.endsWith(path.join("node_modules", ".bin")));
  const PATH = [path.dirname(node), ...folders].join(path.delimiter);
  const quickly = { npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" };
  return { ...Object.fromEntries(own), ...quickly, PATH, NO_COLOR: "1" };
}

const linkTo = (target: string, place: string): void => {
  mkdirSync(path.dirname(place), { recursive: true });
  symlinkSync(target, place);
};

/** What `npx` fetches goes to the folder, and is gone with it; packages that npm has already are taken from its cache. */
export function npxIn(folder: string): NodeJS.ProcessEnv {
  const known = must("npm config", "npm", ["config", "get", "cache"], { cwd: folder }).trim();
  const cache = path.join(folder, "npm");
  mkdirSync(path.join(known, "_cacache"), { recursive: true });
  linkTo(path.join(known, "_cacache"), path.join(cache, "_cacache"));
  return { npm_config_cache: cache };
}

export interface Ran {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** What the command printed. @throws with all that it said when it fails. */
export function must(what: string, command: string, args: readonly string[], { cwd, env }: Ran): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: env ?? strangersEnv(),
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (error !== undefined) throw new Error(`${what} did not start: ${error.message}`);
  if (status !== 0) throw new Error(`${what} failed:\n${stdout}${stderr}`);
  return stdout;
}

export interface Packed {
  /** The folder that was packed. */
  readonly dist: string;
  readonly tarball: string;
  readonly files: number;
  /** In bytes. */
  readonly unpackedSize: number;
}

/** Builds the kit and puts its tarball into the folder. */
export function packKit(folder: string): Packed {
  const dist = buildKit();
  // npm's own list of what it packed: one entry for the one package.
  const [packed] = JSON.parse(
    must("npm pack", "npm", ["pack", "--json", "--pack-destination", folder, dist], { cwd: folder }),
  ) as { filename: string; entryCount: number; unpackedSize: number }[];
  if (packed === undefined) throw new Error("npm pack packed nothing");
  const { filename, entryCount: files, unpackedSize } = packed;
  return { dist, tarball: path.join(folder, filename), files, unpackedSize };
}

/** `npm install` of the tarball, as a stranger does it. */
export function installKit(folder: string, tarball: string): void {
  must("npm install", "npm", ["install", tarball], { cwd: folder });
}

/** Packages of this checkout, and their commands, at hand in the folder: what a compiler needs. */
export function lend(folder: string, packages: readonly string[]): void {
  const [from, to] = [path.join(root, "node_modules"), path.join(folder, "node_modules")];
  for (const name of packages) linkTo(path.join(from, name), path.join(to, name));
  for (const command of readdirSync(path.join(from, ".bin"))) {
    const target = realpathSync(path.join(from, ".bin", command));
    if (packages.some((name) => target.startsWith(path.join(from, name, path.sep))))
      linkTo(target, path.join(to, ".bin", command));
  }
}
