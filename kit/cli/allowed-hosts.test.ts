import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { contracts, kitProblems, t } from "../contract/index.ts";
import { service } from "../service/index.ts";
import { snapshot, sql } from "../sql/index.ts";
import { startPlatform } from "./index.ts";

const Pets = contracts("pets").endpoint("GET /pets", { summary: "", access: "anyone", replies: { 200: t.Object({}) } });
const { handle, assemble } = service("pets", {
  store: sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] }),
  scope: () => ({}),
});
const pets = assemble(
  { Pets },
  { routes: { Pets: handle(Pets, ({ reply }) => Promise.resolve(reply(200, {}))) }, consumers: [] },
);

async function started(context: TestContext, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-hosts-"));
  context.after(() => rm(data, { recursive: true, force: true }));
  const platform = await startPlatform({
    systems: { demo: [pets] },
    args: ["--port=0", "--service-port=0", "--log-level=critical", "--logs=off", `--data=${data}`, ...args],
    env,
  });
  context.after(() => platform.stop(1_000));
  return [platform.url, platform.addresses[0]?.url ?? ""];
}

/** The status of a request with this Host header, and the code of its problem. `fetch` would set the header itself. */
const ask = (url: string, host: string) =>
  new Promise<string>((resolve, reject) => {
    http
      .get(`${url}/pets`, { headers: { host }, agent: false }, (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        reply.on("end", () =>
          resolve(`${String(reply.statusCode)} ${/"code":"([^"]*)"/.exec(text)?.[1] ?? ""}`.trim()),
        );
      })
      .on("error", reject);
  });
const refused = `421 ${kitProblems.hostNotAllowed.code}`;

test("in development a platform answers to this machine's own names and to those of --allowed-hosts, on every port", async (context) => {
  for (const url of await started(context, ["--allowed-hosts=shop.test, *.dev.test"])) {
    for (const host of ["localhost:8080", "127.0.0.1", "shop.test", "a.dev.test"])
      assert.equal(await ask(url, host), "200", host);
    for (const host of ["evil.example", "10.0.0.1", "dev.test"]) assert.equal(await ask(url, host), refused, host);
  }
});

test("in production a platform answers to any name, unless --allowed-hosts names some", async (context) => {
  const production = { PRODUCTION: "true", HOLDFAST_JWKS: "http://127.0.0.1:9/jwks.json" };
  for (const url of await started(context, [], production)) assert.equal(await ask(url, "evil.example"), "200");
  for (const url of await started(context, ["--allowed-hosts=shop.test"], production)) {
    assert.equal(await ask(url, "shop.test"), "200");
    assert.equal(await ask(url, "evil.example"), refused);
  }
});

test("--allowed-hosts that are no names are refused at the start", async () => {
  for (const hosts of ["", "http://shop.test", "shop.test:80", "a b"])
    await assert.rejects(
      startPlatform({ systems: { demo: [pets] }, args: [`--allowed-hosts=${hosts}`], env: {} }),
      /--allowed-hosts is/,
    );
});
