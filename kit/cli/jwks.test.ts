import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { developmentKeys, mintToken, type SigningKeys } from "../access/index.ts";
import { contracts, t } from "../contract/index.ts";
import { systemRuntime } from "../runtime/index.ts";
import { service } from "../service/index.ts";
import { snapshot, sql } from "../sql/index.ts";
import { startPlatform } from "./index.ts";

const Who = contracts("who").endpoint("GET /who", {
  summary: "Who asks",
  access: "user",
  replies: { 200: t.Object({ id: t.String() }) },
});
const builder = service("who", {
  store: sql({ tables: {}, migrations: [{ name: "0001", snapshot: snapshot({}) }] }),
  scope: () => ({}),
});
const who = builder.assemble(
  { Who },
  {
    routes: { Who: builder.handle(Who, ({ caller, reply }) => Promise.resolve(reply(200, { id: caller.id }))) },
    consumers: [],
  },
);

const folder = async (context: TestContext): Promise<string> => {
  const made = await mkdtemp(path.join(os.tmpdir(), "holdfast-jwks-"));
  context.after(() => rm(made, { recursive: true, force: true }));
  return made;
};

test("with --jwks tokens are verified by the keys at that address, and the development key is neither made nor taken", async (context) => {
  const [elsewhere, data] = [await folder(context), await folder(context)];
  const theirs = await developmentKeys(elsewhere);
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify(theirs.jwks));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const platform = await startPlatform({
    systems: { demo: [who] },
    args: ["--port=0", "--service-port=0", "--log-level=critical", `--data=${data}`],
    env: { HOLDFAST_JWKS: `http://127.0.0.1:${String(port)}/.well-known/jwks.json` },
  });
  context.after(() => platform.stop(1_000));
  assert.equal(platform.keys, undefined);
  assert.ok(!existsSync(path.join(data, "keys")));
  const ask = async (keys: SigningKeys) => {
    const { clock } = systemRuntime();
    const token = await mintToken(keys, { caller: { kind: "user", id: "ada", roles: [] }, clock });
    const reply = await fetch(`${platform.url}/who`, { headers: { authorization: `Bearer ${token}` } });
    return [reply.status, await reply.text()] as const;
  };
  assert.deepEqual(await ask(theirs), [200, '{"id":"ada"}']);
  assert.equal((await ask(await developmentKeys(data)))[0], 401);
});

test("--jwks with what is no address is refused at the start", async () => {
  const start = (...args: readonly string[]) => startPlatform({ systems: { demo: [who] }, args, env: {} });
  await assert.rejects(start("--jwks=file:///etc/passwd"), /--jwks is "file:/);
  await assert.rejects(start("--jwks=http://[::"), /--jwks is no address/);
  await assert.rejects(start("--jwks=https://me:secret@id.example.com/jwks"), (error) => {
    assert.match(String(error), /--jwks names a user/);
    assert.doesNotMatch(String(error), /secret/);
    return true;
  });
  await assert.rejects(start("--jwks"), /--jwks is given without a value/);
});
