import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { settings } from "holdfast/cli";
import { defaultOf, type FieldSchema } from "holdfast/runtime";
import { systems } from "./systems.ts";

const services = [...new Set(Object.values(systems).flat())];

test("everything that differs between development and production is a setting of this list", () => {
  const listed = (section: string, fields: Readonly<Record<string, FieldSchema>>) =>
    Object.entries(fields).flatMap(([name, schema]) => {
      const [development, production] = [defaultOf(schema, false), defaultOf(schema, true)];
      return development === production ? [] : [[`${section}${name}`, development, production ?? "must be set"]];
    });
  assert.deepEqual(
    [...listed("", settings), ...services.flatMap(({ name, spec }) => listed(`${name}.`, spec.config))],
    [
      ["seed", true, false],
      ["billing.gateway", "embedded", "must be set"],
      ["notifications.mail", "captured", "must be set"],
      ["notifications.sms", "captured", "off"],
      ["notifications.mailShown", "open", "operators"],
      ["payments.gateway", "embedded", "must be set"],
    ],
  );
});

test("only the production switch reads the environment's word for it, and only these files ask the switch", () => {
  const root = path.join(import.meta.dirname, "..");
  const files = globSync(["kit/**/*.ts", "systems/**/*.ts", "demo/*.ts"], { cwd: root })
    .map((file) => file.replaceAll(path.sep, "/"))
    .filter((file) => !file.includes(".test.") && !file.includes("node_modules"));
  const containing = (pattern: RegExp) =>
    files.filter((file) => pattern.test(readFileSync(path.join(root, file), "utf8"))).toSorted();
  assert.deepEqual(containing(/env\[?\.?"?(?:NODE_ENV|PRODUCTION)\b/), ["kit/runtime/production.ts"]);
  assert.deepEqual(containing(/productionSwitch\(/), [
    "kit/cli/settings.ts",
    "kit/cli/token.ts",
    "kit/runtime/production.ts",
  ]);
});
