import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { developmentKeys, mintToken, serviceKeys, type SigningKeys } from "holdfast/access";
import { settings } from "holdfast/cli";
import { defaultOf, systemRuntime, type FieldSchema } from "holdfast/runtime";
import { until } from "holdfast/testing";
import { systems } from "./systems.ts";

const root = path.join(import.meta.dirname, "..");
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
      ["openPages", true, false],
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
  const files = globSync(["kit/**/*.ts", "systems/**/*.ts", "demo/*.ts"], { cwd: root })
    .map((file) => file.replaceAll(path.sep, "/"))
    .filter((file) => !file.includes(".test.") && !/(^|\/)(node_modules|dist)\//.test(file));
  const containing = (pattern: RegExp) =>
    files.filter((file) => pattern.test(readFileSync(path.join(root, file), "utf8"))).toSorted();
  assert.deepEqual(containing(/env\[?\.?"?(?:NODE_ENV|PRODUCTION)\b/), ["kit/runtime/production.ts"]);
  assert.deepEqual(containing(/productionSwitch\(/), [
    "kit/cli/settings.ts",
    "kit/cli/token.ts",
    "kit/runtime/production.ts",
  ]);
});

/** A platform in production, whose users' tokens come from an issuer of the test. */
async function production(context: TestContext, ...args: readonly string[]) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-production-"));
  // In reverse: the platform ends before its folder goes.
  const begun = new AsyncDisposableStack();
  context.after(() => begun.disposeAsync());
  begun.defer(() => rm(folder, { recursive: true, force: true }));
  const issuer = await developmentKeys(path.join(folder, "issuer"));
  const jwks = createServer((_, response) => void response.end(JSON.stringify(issuer.jwks)));
  await new Promise<void>((resolve) => {
    jwks.listen(0, "127.0.0.1", resolve);
  });
  begun.defer(() => {
    jwks.closeAllConnections();
    jwks.close();
  });
  const address = jwks.address();
  assert.ok(typeof address === "object" && address !== null);
  const data = path.join(folder, "data");
  const main = path.join(root, "systems/main.ts");
  const flags = ["--port=0", "--service-port=0", "--log-level=critical", `--data=${data}`, ...args];
  const platform = spawn(process.execPath, [main, ...flags], {
    env: {
      ...process.env,
      PRODUCTION: "true",
      NODE_ENV: undefined,
      HOLDFAST_JWKS: `http://127.0.0.1:${String(address.port)}/jwks`,
      HOLDFAST_NOTIFICATIONS_MAIL: "captured",
      HOLDFAST_BILLING_GATEWAY: "embedded",
      HOLDFAST_PAYMENTS_GATEWAY: "embedded",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  begun.defer(async () => {
    platform.kill("SIGTERM");
    await once(platform, "exit");
  });
  let printed = "";
  platform.stdout.setEncoding("utf8").on("data", (piece: string) => (printed += piece));
  await until("the platform is ready", () => printed.includes("  docs "));
  const url = /front door\s+(\S+)/.exec(printed)?.[1] ?? "";
  const service = /orders\s+(\S+)/.exec(printed)?.[1] ?? "";
  const { clock } = systemRuntime();
  const token = async (keys: SigningKeys, ...roles: readonly string[]) =>
    `Bearer ${await mintToken(keys, { caller: { kind: "user", id: "ada", roles }, clock })}`;
  return { url, service, data, operator: await token(issuer, "operator"), token };
}

for (const args of [[], ["--processes"]] as const)
  test(`in production nothing is seeded or open, and only the issuer's tokens count (${args[0] ?? "one process"})`, async (context) => {
    const { url, service, data, operator, token } = await production(context, ...args);
    const ask = async (at: string, authorization?: string, body?: object) => {
      const reply = await fetch(at, {
        method: body === undefined ? "GET" : "POST",
        headers: { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return [reply.status, await reply.text()] as const;
    };
    assert.equal((await ask(`${url}/stock`))[1], '{"items":[]}');
    for (const page of ["/docs", "/openapi.json", "/metrics"])
      for (const at of [url, service]) {
        assert.equal((await ask(`${at}${page}`))[0], 401, page);
        assert.equal((await ask(`${at}${page}`, operator))[0], 200, page);
      }
    assert.equal((await ask(`${url}/health`))[0], 200);
    assert.equal((await ask(`${url}/notifications`))[0], 401);
    assert.equal((await ask(`${url}/notifications`, operator))[0], 200);
    // A key in the data folder, as a platform in development would have left it there.
    assert.equal((await ask(`${url}/docs`, await token(await developmentKeys(data), "operator")))[0], 401);
    // Services of other processes know each other by a key of their own, which names no user.
    const order = { customerId: randomUUID(), lines: [{ sku: "apple", quantity: 1 }], paymentMethod: "card_ok" };
    assert.match((await ask(`${url}/orders`, undefined, order))[1], /orders\/unknown-/);
    if (args.length > 0)
      assert.equal((await ask(`${url}/docs`, await token(await serviceKeys(data), "operator")))[0], 401);
  });
