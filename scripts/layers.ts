// `node scripts/layers.ts`: who may import whom. The table is the rule; the rest of this file applies it.
import { readFileSync } from "node:fs";
import { findCycles, importsOf, targetOf, type Import } from "./imports.ts";
import { listFiles, root, runMain } from "./repository.ts";

/**
 * The kit from low to high: a folder, and what it may import besides itself. Another folder is entered through its
 * index.ts, and a folder named as "type x" by `import type` only. Tests are exempt. A folder that is missing here is a fault.
 */
export const layers: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  contract: ["runtime"],
  telemetry: ["runtime"],
  access: ["contract", "runtime"],
  messaging: ["contract", "runtime", "telemetry"],
  service: ["access", "contract", "messaging", "runtime", "telemetry"],
  sql: ["contract", "messaging", "runtime", "telemetry", "type service"],
  brokers: ["contract", "messaging", "runtime", "sql", "telemetry"],
  documents: ["contract", "messaging", "runtime", "sql", "telemetry", "type service"],
  streams: ["contract", "runtime", "sql"],
  calls: ["contract", "messaging", "runtime", "service", "telemetry"],
  http: ["access", "contract", "messaging", "runtime", "service", "telemetry"],
  topology: ["access", "brokers", "calls", "contract", "http", "messaging", "runtime", "service", "sql", "telemetry"],
  conformance: ["*"],
  testing: ["*"],
  cli: ["*"],
};

export interface Source {
  path: string;
  text: string;
}
export interface Manifest {
  exports?: Record<string, string>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const isTest = (path: string) => /\.test\.ts$|\/fixtures\//.test(path);
const folderOf = (path: string) => path.split("/")[1] ?? "";
const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

function kitFault(path: string, { specifier, typeOnly, dynamic }: Import, kit: Manifest): string | undefined {
  const target = targetOf(path, specifier);
  if (specifier.startsWith("holdfast")) return "the kit imports itself by relative paths";
  if (target === undefined) {
    const name = packageOf(specifier);
    if (specifier.startsWith("node:") || name in (kit.dependencies ?? {})) return undefined;
    if (!(name in (kit.peerDependencies ?? {}))) return `${name} is not a dependency of the kit`;
    return typeOnly || dynamic
      ? undefined
      : `${name} is an optional peer: load it with import() where it is configured`;
  }
  if (!target.startsWith("kit/")) return "the kit imports nothing outside of kit/";
  const [from, to] = [folderOf(path), folderOf(target)];
  if (from === to) return undefined;
  // Suites load `node:test`: they are reached through a folder of their own, by those who run them.
  if (target.endsWith(".conformance.ts"))
    return from === "conformance" ? undefined : `import kit/conformance, which has the suites`;
  const allowed = layers[from];
  if (allowed === undefined) return `kit/${from} is missing in the table of scripts/layers.ts`;
  const types = allowed.includes(`type ${to}`);
  if (types && !typeOnly) return `kit/${from} may import types only from kit/${to}, by \`import type\``;
  if (!types && !allowed.includes("*") && !allowed.includes(to)) return `kit/${from} may not import kit/${to}`;
  return target === `kit/${to}/index.ts` ? undefined : `import kit/${to} through its index.ts`;
}

/** The template of new projects: in the kit's folder, but a stranger's code. */
const template = "kit/cli/template/";

function systemsFault(
  path: string,
  { specifier }: Import,
  services: readonly string[],
  kit: Manifest,
): string | undefined {
  const target = targetOf(path, specifier);
  if (specifier.startsWith("holdfast")) {
    const subpath = `.${specifier.slice("holdfast".length)}`;
    return kit.exports?.[subpath] === undefined ? `the kit does not export ${subpath}` : undefined;
  }
  if (target === undefined) return undefined;
  const tree = path.startsWith(template) ? template : "systems/";
  if (!target.startsWith(tree)) return `${tree} imports the kit as holdfast/…, and nothing else of the repository`;
  const serviceOf = (file: string) => services.find((service) => file.startsWith(`${service}/`));
  const [own, other] = [serviceOf(path), serviceOf(target)];
  // What belongs to no service lists services (services.ts, main.ts) or serves several; a service of its own has borders.
  if (own === undefined || other === undefined || own === other || target === `${other}/contracts.ts`) return undefined;
  return `of ${other}, only contracts.ts may be imported`;
}

export function checkLayers(sources: readonly Source[], kit: Manifest): string[] {
  const services = sources
    .filter(({ path }) => /^(systems|kit\/cli\/template)\/.+\/service\.ts$/.test(path))
    .map(({ path }) => path.replace(/\/[^/]+$/, ""));
  const imports = sources.map(({ path, text }) => ({ path, imports: importsOf(text) }));
  const faults = imports.flatMap(({ path, imports: found }) =>
    found.flatMap((each) => {
      const target = targetOf(path, each.specifier);
      const at = `${path}:${String(each.line)}: ${each.specifier}: `;
      if (target !== undefined && each.specifier.startsWith(".") && !/\.(ts|tsx|mjs|json)$/.test(target))
        return [`${at}carry the extension, .ts`];
      if (isTest(path)) return [];
      const fault = /^systems\/|^kit\/cli\/template\//.test(path)
        ? systemsFault(path, each, services, kit)
        : path.startsWith("kit/")
          ? kitFault(path, each, kit)
          : undefined;
      return fault === undefined ? [] : [at + fault];
    }),
  );
  const graph = new Map(
    imports.map(({ path, imports: found }) => [
      path,
      found.flatMap(({ specifier }) => targetOf(path, specifier) ?? []),
    ]),
  );
  return [
    ...faults,
    ...findCycles(graph).map((cycle) => `import cycle: ${cycle.join(" → ")}`),
    ...checkExports(sources, kit),
  ];
}

/** One subpath a folder, in both directions. */
function checkExports(sources: readonly Source[], kit: Manifest): string[] {
  const folders = sources.flatMap(({ path }) => /^kit\/([^/]+)\/index\.ts$/.exec(path)?.[1] ?? []);
  const wanted = new Map(folders.map((folder) => [`./${folder}`, `./${folder}/index.ts`]));
  const exported = Object.entries(kit.exports ?? {}).filter(([subpath]) => subpath !== "./package.json");
  return [
    ...[...wanted]
      .filter(([subpath, file]) => kit.exports?.[subpath] !== file)
      .map(([subpath, file]) => `kit/package.json: export ${subpath} as ${file}`),
    ...exported
      .filter(([subpath]) => !wanted.has(subpath))
      .map(([subpath]) => `kit/package.json: exports ${subpath}, which is no folder with an index.ts`),
  ];
}

if (import.meta.main) {
  runMain("layers", () => {
    const paths = listFiles().filter((path) => /^(kit|systems|scripts|bench|demo)\/.*\.tsx?$/.test(path));
    const sources = paths.map((path) => ({ path, text: readFileSync(`${root}/${path}`, "utf8") }));
    // This repository's own file; a field of another shape would show as a fault.
    return checkLayers(sources, JSON.parse(readFileSync(`${root}/kit/package.json`, "utf8")) as Manifest);
  });
}
