// `npm run build:kit`: kit/dist, the package `holdfast` as others get it: JavaScript and declarations, what is neither code
// nor a test as it is, and a package.json whose exports point at them.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { listFiles, root } from "./repository.ts";

export interface Manifest {
  exports?: Record<string, unknown>;
  bin?: Record<string, string>;
  [field: string]: unknown;
}

const emitted = (path: string, extension: string) => path.replace(/\.ts$/, extension);

/** The manifest of the built package; `development` fields are left behind. */
export function builtManifest(source: Manifest): Manifest {
  const { exports = {}, bin, devDependencies: _, scripts: __, ...kept } = source;
  const built: [string, unknown][] = Object.entries(exports).map(([subpath, path]) => [
    subpath,
    typeof path === "string" && path.endsWith(".ts")
      ? { types: emitted(path, ".d.ts"), default: emitted(path, ".js") }
      : path,
  ]);
  return {
    ...kept,
    exports: { ...Object.fromEntries(built), "./package.json": "./package.json" },
    ...(bin !== undefined && {
      bin: Object.fromEntries(Object.entries(bin).map(([name, path]) => [name, emitted(path, ".js")])),
    }),
  };
}

/** @throws when the kit does not compile; the compiler's lines are the message. */
export function buildKit(): string {
  const [kit, dist] = [join(root, "kit"), join(root, "kit/dist")];
  rmSync(dist, { recursive: true, force: true });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [tsc, "-p", join(kit, "tsconfig.build.json"), "--checkers", "1"],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`the kit does not compile:\n${stdout}${stderr}`);

  // The compiler rewrites the extensions in the JavaScript, not in the declarations.
  for (const file of globSync("**/*.d.ts", { cwd: dist })) {
    const text = readFileSync(join(dist, file), "utf8");
    writeFileSync(join(dist, file), text.replaceAll(/(\bfrom\s*|\bimport\(?\s*)"(\.\.?\/[^"]+)\.ts"/g, '$1"$2.js"'));
  }

  // The template of new projects goes as it is, code and tests, too.
  const assets = listFiles(kit).filter(
    (path) => path.startsWith("cli/template/") || (path.includes("/") && !/\.(ts|md)$|(^|\/)fixtures\//.test(path)),
  );
  for (const path of assets) {
    mkdirSync(join(dist, dirname(path)), { recursive: true });
    copyFileSync(join(kit, path), join(dist, path));
  }
  // Its shape is this repository's own; `npm pack` and publint check the result.
  const manifest = JSON.parse(readFileSync(join(kit, "package.json"), "utf8")) as Manifest;
  writeFileSync(join(dist, "package.json"), `${JSON.stringify(builtManifest(manifest), null, 2)}\n`);
  copyFileSync(join(root, "LICENSE"), join(dist, "LICENSE"));
  const readme = ["kit/README.md", "README.md"].map((path) => join(root, path)).find((path) => existsSync(path));
  if (readme !== undefined) copyFileSync(readme, join(dist, "README.md"));
  return dist;
}

if (import.meta.main) console.log(`built ${buildKit()}`);
