import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { openapi, type Endpoint } from "holdfast/contract";
import { services } from "./systems.ts";

const redocly = path.resolve(import.meta.dirname, "../node_modules/@redocly/cli/bin/cli.js");

function lint(document: unknown): { readonly ok: boolean; readonly output: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "holdfast-openapi-"));
  try {
    const file = path.join(folder, "openapi.json");
    writeFileSync(file, JSON.stringify(document));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        redocly,
        "lint",
        file,
        "--extends=recommended-strict",
        "--skip-rule=operation-4xx-response",
        "--skip-rule=info-license-url",
        "--skip-rule=no-server-example.com",
      ],
      {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
      },
    );
    return { ok: status === 0, output: `${stdout}\n${stderr}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the derived OpenAPI passes an official linter, which is shown a wrong one and finds it", () => {
  const endpoints: readonly Endpoint[] = services.flatMap(({ routes }) => routes.map(({ endpoint }) => endpoint));
  const document = openapi(endpoints, { title: "Platform", version: "1.0.0" });
  const { ok, output } = lint(document);
  assert.ok(ok, output);
  assert.equal(lint({ ...document, paths: { "/orders/{id}": { get: { responses: {} } } } }).ok, false);
});
