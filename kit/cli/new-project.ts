import { cp, mkdir, readdir, readFile, realpath, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Refusal } from "./refusal.ts";

const template = path.join(import.meta.dirname, "template");
/** The folder of the package itself. */
const home = path.dirname(import.meta.dirname);
/** What the files of the template call the project. */
const placeholder = "my-project";

type Json = Readonly<Record<string, unknown>>;
// Proof: a package.json is an object, or npm would not have installed it.
const readJson = async (file: string): Promise<Json> => JSON.parse(await readFile(file, "utf8")) as Json;

export async function kitVersion(): Promise<string> {
  return String((await readJson(path.join(home, "package.json")))["version"]);
}

/**
 * Makes a project in a folder that is new or empty (but for `.git`), named after the folder. It depends on the kit as this copy of it was installed:
 * by version, from a tarball, or from a checkout. Resolves to what to do next; throws a `Refusal`, and then nothing was written.
 */
export async function newProject(cwd: string, folder: string): Promise<string> {
  const place = path.resolve(cwd, folder);
  const name = nameOf(place);
  await refuseUnlessEmpty(place, folder);
  await mkdir(place, { recursive: true });
  await cp(template, place, { recursive: true });
  // npm would take a .gitignore in a package for its own.
  await rename(path.join(place, "gitignore"), path.join(place, ".gitignore"));
  for (const file of ["package.json", "README.md"]) {
    const text = await readFile(path.join(place, file), "utf8");
    await writeFile(path.join(place, file), text.replaceAll(placeholder, name));
  }
  const manifest = await readJson(path.join(place, "package.json"));
  const dependencies = { holdfast: await kitFor(place) };
  await writeFile(path.join(place, "package.json"), `${JSON.stringify({ ...manifest, dependencies }, undefined, 2)}\n`);
  const enter = place === cwd ? "" : `  cd ${path.relative(cwd, place)}\n`;
  return `The project ${name} is there. Next:\n\n${enter}  npm install\n  npm test\n  npm start\n\nIts README.md says where things are.`;
}

function nameOf(place: string): string {
  const name = path.basename(place);
  if (name === "holdfast" || name === "node_modules")
    throw new Refusal(`"${name}" cannot be a project's name: a package of that name is in the way.`);
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name) || name.length > 100)
    throw new Refusal(
      `A project is named after its folder, and "${name}" is no name: small letters and digits, words joined by dashes, as in my-shop.`,
    );
  return name;
}

const errorCode = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, "code") : undefined);

async function refuseUnlessEmpty(place: string, folder: string): Promise<void> {
  const names = await readdir(place).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    if (errorCode(error) === "ENOTDIR") throw new Refusal(`${folder} is a file, or lies in one.`);
    throw error;
  });
  const [first, ...others] = names.filter((name) => name !== ".git");
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` and ${String(others.length)} more`;
  throw new Refusal(`${folder} is not empty: there is ${first}${more}. Nothing was written.`);
}

/** What package.json of the project says for the kit. */
async function kitFor(place: string): Promise<string> {
  const modules = path.dirname(home);
  // A checkout, whose sources are the package.
  if (path.basename(modules) !== "node_modules") return `file:${path.relative(await realpath(place), home)}`;
  const above = path.dirname(modules);
  const { dependencies } = await readJson(path.join(above, "package.json")).catch((): Json => ({}));
  const spec: unknown =
    typeof dependencies === "object" && dependencies !== null ? Reflect.get(dependencies, "holdfast") : undefined;
  if (typeof spec === "string" && spec.startsWith("file:")) {
    const source = path.resolve(above, spec.slice("file:".length));
    if (await stat(source).catch(() => undefined))
      return `file:${path.relative(await realpath(place), await realpath(source))}`;
  }
  return kitVersion();
}
