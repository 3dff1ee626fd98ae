// @ts-check
// More than half of the files that a service loads belong to three packages of many small modules, and loading these is most of a start. They are bundled
// once, into a file or two each; who starts with `fastStart` gets the bundles for the packages (use-bundles.mjs), who starts without it gets the packages.
// Plain JavaScript that Node 20 understands: the bootstrap uses it.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, "node_modules/.cache");
const bundles = join(cache, "bundles");

/** As they are imported; all of a package's names that are, as what is loaded beside its bundle would be a second one, with its own state. */
export const bundled = ["typebox", "typebox/schema", "typebox/format", "kysely", "jose"];

/** @param {string} name */
export const bundleOf = (name) => join(bundles, `${name}.mjs`);

/** @param {string} name @returns undefined where the package is not installed */
function versionOf(name) {
  const file = join(root, "node_modules", name, "package.json");
  if (!existsSync(file)) return undefined;
  const { version } = /** @type {{ version: string }} */ (JSON.parse(readFileSync(file, "utf8")));
  return version;
}

/** What bundles are made of, as a text to compare. */
const ingredients = () => JSON.stringify(bundled.map((name) => [name, versionOf(name.split("/", 1)[0] ?? name)]));

/** Whether there are bundles of the versions that are installed. */
export function areBundled() {
  try {
    return readFileSync(join(bundles, "made-of.json"), "utf8") === ingredients();
  } catch {
    return false;
  }
}

/** In a checkout of another user everything runs without bundles. */
function isWritable() {
  try {
    accessSync(existsSync(cache) ? cache : join(root, "node_modules"), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether bundling would help, and can be done: the bundler, a package for development, may not be installed. */
export const canBundle = () => !areBundled() && versionOf("esbuild") !== undefined && isWritable();

async function bundle() {
  const { build } = await import("esbuild");
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "bundles-"));
  try {
    await build({
      absWorkingDir: root,
      entryPoints: Object.fromEntries(bundled.map((name) => [name, name])),
      outdir: fresh,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node26",
      logLevel: "silent",
    });
    writeFileSync(join(fresh, "made-of.json"), ingredients());
    // Somebody else may have been first, and others may be loading what he made.
    if (areBundled()) return;
    rmSync(bundles, { recursive: true, force: true });
    renameSync(fresh, bundles);
  } catch (error) {
    if (!areBundled()) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * For a process and those that it starts: what Node compiles is kept, and the bundles are used.
 * @param {Record<string, string | undefined>} env
 */
export function fastStart(env) {
  const use = `--import=${new URL("use-bundles.mjs", import.meta.url).href}`;
  const options = env["NODE_OPTIONS"] ?? "";
  return {
    NODE_COMPILE_CACHE: env["NODE_COMPILE_CACHE"] ?? join(cache, "node"),
    NODE_OPTIONS: options.includes(use) ? options : `${options} ${use}`.trim(),
  };
}

if (import.meta.main && canBundle()) await bundle();
