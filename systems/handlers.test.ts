import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { services, systems } from "./systems.ts";

/** A service is a folder of its name, at the top or in its system. */
const folderOf = (name: string): string | undefined =>
  ["", ...Object.keys(systems)]
    .map((system) => path.join(system, name))
    .find((folder) => existsSync(path.join(import.meta.dirname, folder, "service.ts")));

/** Handlers that the files of a folder export and that the service does not list. */
async function forgotten(folder: string, listed: ReadonlySet<unknown>): Promise<readonly string[]> {
  const files = readdirSync(path.join(import.meta.dirname, folder)).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  const found: string[] = [];
  for (const file of files) {
    const loaded: unknown = await import(path.join(import.meta.dirname, folder, file));
    for (const [name, value] of Object.entries(loaded ?? {}) as [string, unknown][]) {
      // Proof: a module's exports may be anything.
      const handler =
        typeof value === "object" &&
        value !== null &&
        "kind" in value &&
        "run" in value &&
        (value.kind === "route" || value.kind === "consumer" || value.kind === "job");
      if (handler && !listed.has(value)) found.push(`${folder}/${file}: ${name}`);
    }
  }
  return found;
}

test("every handler in a service's folder is listed by the service, and the check sees one that is not", async () => {
  for (const { name, routes, consumers, jobs } of services) {
    const folder = folderOf(name);
    assert.ok(folder !== undefined, `${name} has a folder`);
    assert.deepEqual(await forgotten(folder, new Set([...routes, ...consumers, ...jobs])), []);
    assert.equal((await forgotten(folder, new Set([...routes.slice(1), ...consumers, ...jobs]))).length, 1);
  }
});
