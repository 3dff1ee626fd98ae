// `node scripts/lockfile.ts [--fix]`: is package-lock.json fit for every machine?
// - Every optional dependency has an entry, for foreign platforms too. npm writes only those that its registry has, and a
//   mirror may lack some; `npm ci` then refuses the whole file ("Missing: … from lock file"). --fix adds what is missing,
//   without an integrity hash, as none is known here; npm puts it in when the package is seen.
// - No registry is named (.npmrc: omit-lockfile-registry-resolved), so that everyone installs from their own.
import { readFileSync, writeFileSync } from "node:fs";
import { root, runMain } from "./repository.ts";

export interface LockEntry {
  version?: string;
  resolved?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}
export interface Lock {
  packages: Record<string, LockEntry>;
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

/** What an entry needs in order to be skipped on other machines, read from a name such as `@oxlint/binding-linux-x64-musl`. */
export function platformOf(name: string): Pick<LockEntry, "os" | "cpu" | "libc"> | undefined {
  const parts = name.split("/").at(-1)?.split("-") ?? [];
  const os = systems.find((each) => parts.includes(each));
  const cpu = processors.find((each) => parts.includes(each));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = os !== "linux" ? undefined : parts.some((part) => part.startsWith("musl")) ? "musl" : "glibc";
  return {
    os: [os],
    cpu: [cpu],
    ...(libc !== undefined && parts.some((part) => /^(gnu|musl)/.test(part)) && { libc: [libc] }),
  };
}

export interface MissingEntry {
  path: string;
  name: string;
  version: string;
  dev: boolean;
}

export function missingEntries(lock: Lock): MissingEntry[] {
  return Object.entries(lock.packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(
        ([name]) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
      )
      .map(([name, version]) => ({ path: `node_modules/${name}`, name, version, dev: entry.dev === true })),
  );
}

export function registriesNamed(lock: Lock): string[] {
  return Object.entries(lock.packages)
    .filter(([, entry]) => /^[a-z+]+:\/\//.test(entry.resolved ?? ""))
    .map(([path]) => path);
}

/** @throws when the platform of a package cannot be told from its name: enter it by hand then. */
export function withMissingEntries(lock: Lock): Lock {
  const added = missingEntries(lock).map(({ path, name, version, dev }): [string, LockEntry] => {
    const platform = platformOf(name);
    if (platform === undefined) throw new Error(`package-lock.json: cannot tell for which platform ${name} is`);
    return [path, { version, ...(dev && { dev }), optional: true, ...platform }];
  });
  const packages = Object.fromEntries(
    [...Object.entries(lock.packages), ...added].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { ...lock, packages };
}

export function checkLock(lock: Lock): string[] {
  return [
    ...missingEntries(lock).map(
      ({ name }) => `package-lock.json: no entry for ${name}; run \`node scripts/lockfile.ts --fix\``,
    ),
    ...registriesNamed(lock).map((path) => `package-lock.json: ${path} names a registry`),
  ];
}

if (import.meta.main) {
  const file = `${root}/package-lock.json`;
  // npm wrote the file; only the fields named in Lock are read.
  const lock = JSON.parse(readFileSync(file, "utf8")) as Lock;
  if (process.argv.includes("--fix")) writeFileSync(file, `${JSON.stringify(withMissingEntries(lock), null, 2)}\n`);
  else runMain("lockfile", () => checkLock(lock));
}
