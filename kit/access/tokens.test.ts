import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { exportJWK, SignJWT, type JWTPayload } from "jose";
import { findProblem, kitProblems } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { developmentKeys, mayCall, mintToken, serviceKeys, serviceTokens, verifier } from "./index.ts";

const folder = async (t: TestContext): Promise<string> => {
  const made = await mkdtemp(path.join(os.tmpdir(), "holdfast-keys-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
};
const user = { kind: "user", id: "ada", roles: ["operator"] } as const;

test("a token names the caller it was minted for, until its time is over", async (t) => {
  const { clock, advance } = controlledRuntime();
  const keys = await developmentKeys(await folder(t));
  const verify = verifier({ keys: keys.jwks, clock });
  const token = await mintToken(keys, { caller: user, lifetime: 60, clock });
  assert.deepEqual(await verify(token), user);
  assert.deepEqual(await verify(token), user, "and from the cache");
  await advance(66_000);
  await assert.rejects(verify(token));
});

test("a user who calls himself a service is none", async (t) => {
  const { clock } = controlledRuntime();
  const keys = await developmentKeys(await folder(t));
  const verify = verifier({ keys: keys.jwks, clock });
  const pretender = { kind: "user", id: "service:orders", roles: [] } as const;
  assert.deepEqual(await verify(await mintToken(keys, { caller: pretender, clock })), pretender);
  assert.deepEqual(await verify(await serviceTokens(keys, clock)("orders")), { kind: "service", name: "orders" });
});

test("a token of a service that does not exist is refused, and one whose subject is a guest's or no subject at all", async (t) => {
  const { clock } = controlledRuntime();
  const keys = await developmentKeys(await folder(t));
  const verify = verifier({ keys: keys.jwks, clock, services: new Set(["orders"]) });
  const token = serviceTokens(keys, clock);
  assert.equal((await verify(await token("orders"))).kind, "service");
  for (const name of ["order", "Orders", "", "constructor"])
    await assert.rejects(verify(await token(name)), /There is no service/);
  const signed = (sub: string) =>
    new SignJWT({ sub, iss: "holdfast", aud: "holdfast", exp: Math.floor(clock.now() / 1_000) + 60 })
      .setProtectedHeader({ alg: "EdDSA", kid: keys.keyId })
      .sign(keys.privateKey);
  for (const sub of [
    "",
    "a\0b",
    "a\nb",
    "\ud800",
    "x".repeat(256),
    "guest:",
    "guest:018f0000-0000-7000-8000-000000000001",
  ]) {
    await assert.rejects(verify(await signed(sub)), /No user can have the id/);
    await assert.rejects(mintToken(keys, { caller: { ...user, id: sub }, clock }), /No user can have the id/);
  }
  for (const sub of ["guest", "Guest:1", "a guest:1", "auth0|ü 1", "x".repeat(255)])
    assert.equal((await verify(await signed(sub))).kind, "user");
});

test("where users' tokens come from another issuer, the installation's own key names services and no user", async (t) => {
  const { clock } = controlledRuntime();
  const [users, services] = [await developmentKeys(await folder(t)), await serviceKeys(await folder(t))];
  const verify = verifier({ keys: users.jwks, serviceKeys: services.jwks, clock });
  assert.deepEqual(await verify(await mintToken(users, { caller: user, clock })), user);
  assert.deepEqual(await verify(await serviceTokens(services, clock)("orders")), { kind: "service", name: "orders" });
  await assert.rejects(verify(await mintToken(services, { caller: user, clock })), /signed a user's token/);
});

test("a service's token is kept for half of its time, then minted anew", async (t) => {
  const { clock, advance } = controlledRuntime();
  const token = serviceTokens(await developmentKeys(await folder(t)), clock);
  const first = await token("orders");
  assert.equal(await token("orders"), first);
  assert.notEqual(await token("billing"), first);
  await advance(1_801_000);
  assert.notEqual(await token("orders"), first);
});

test("a service's token that was minted while the clock was years ahead is not kept for years", async (t) => {
  const { clock } = controlledRuntime();
  let ahead = 3_650 * 86_400_000;
  const shifted = { ...clock, now: () => clock.now() + ahead };
  const token = serviceTokens(await developmentKeys(await folder(t)), shifted);
  const wrong = await token("orders");
  assert.equal(await token("orders"), wrong);
  ahead = 0;
  const right = await token("orders");
  assert.notEqual(right, wrong);
  assert.equal(await token("orders"), right);
});

test("a token of another key, algorithm, issuer or audience is refused, and one without a subject or an end", async (t) => {
  const { clock } = controlledRuntime();
  const keys = await developmentKeys(await folder(t));
  const verify = verifier({ keys: keys.jwks, clock });
  const now = Math.floor(clock.now() / 1_000);
  const good: JWTPayload = { sub: "ada", iss: "holdfast", aud: "holdfast", exp: now + 60 };
  const signed = (payload: JWTPayload, alg = "EdDSA", key: Parameters<SignJWT["sign"]>[0] = keys.privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg, kid: keys.keyId }).sign(key);
  assert.equal((await verify(await signed(good))).kind, "user");
  const { exp: _end, ...endless } = good;
  const { sub: _who, ...nobody } = good;
  const another = generateKeyPairSync("ed25519").privateKey;
  const publicBytes = Buffer.from(JSON.stringify(keys.jwks.keys[0]));
  const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify(good)).toString("base64url")}.`;
  const bad = [
    await signed({ ...good, iss: "else" }),
    await signed({ ...good, aud: "else" }),
    await signed({ ...good, exp: now - 60 }),
    await signed({ ...good, nbf: now + 600 }),
    await signed(endless),
    await signed(nobody),
    await signed(good, "EdDSA", another),
    await signed(good, "HS256", publicBytes),
    none,
    "",
    "a.b.c",
  ];
  for (const token of bad) await assert.rejects(verify(token), token);
});

test("roles that are no text are no roles", async (t) => {
  const { clock } = controlledRuntime();
  const keys = await developmentKeys(await folder(t));
  const token = await new SignJWT({ roles: ["operator", 1, null, { a: 1 }] })
    .setProtectedHeader({ alg: "EdDSA", kid: keys.keyId })
    .setSubject("ada")
    .setIssuer("holdfast")
    .setAudience("holdfast")
    .setExpirationTime(Math.floor(clock.now() / 1_000) + 60)
    .sign(keys.privateKey);
  assert.deepEqual(await verifier({ keys: keys.jwks, clock })(token), user);
});

test("keys may come from an address, and new ones are fetched when a token names them", async (t) => {
  const { clock } = controlledRuntime();
  const keys = await developmentKeys(await folder(t));
  const next = generateKeyPairSync("ed25519");
  const jwks = { keys: [...keys.jwks.keys] };
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify(jwks));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const verify = verifier({ keys: new URL(`http://127.0.0.1:${String(port)}/jwks.json`), clock, jwksCooldownMs: 0 });
  assert.deepEqual(await verify(await mintToken(keys, { caller: user, clock })), user);
  const rotated = { privateKey: next.privateKey, keyId: "next", jwks };
  const token = await mintToken(rotated, { caller: user, clock });
  await assert.rejects(verify(token));
  jwks.keys.push({ ...(await exportJWK(next.publicKey)), kid: "next", alg: "EdDSA" });
  assert.deepEqual(await verify(token), user);
});

test("a key set that cannot be fetched is nobody's wrong token: unavailable, until it can", async (t) => {
  const { clock } = controlledRuntime();
  const keys = await developmentKeys(await folder(t));
  const answers: readonly (readonly [number, string])[] = [
    [500, "{}"],
    [200, "no JSON"],
    [200, '{"keys":1}'],
    [200, JSON.stringify(keys.jwks)],
  ];
  let asked = 0;
  const server = createServer((_, response) => {
    const [status, text] = answers[Math.min(asked++, answers.length - 1)] ?? [500, ""];
    response.writeHead(status, { "content-type": "application/json" }).end(text);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = new URL(`http://127.0.0.1:${String(port)}/jwks.json`);
  const token = await mintToken(keys, { caller: user, clock });
  const told: unknown[] = [];
  const verify = verifier({ keys: url, clock, unreachable: (error) => told.push(error) });
  const unavailable = (error: unknown) => findProblem(error)?.code === kitProblems.unavailable.code;
  for (const _ of answers.slice(1)) await assert.rejects(verify(token), unavailable);
  assert.equal(told.length, 1, "whoever logs it is told once in ten seconds");
  assert.deepEqual(await verify(token), user);
  const stranger = { ...keys, keyId: "unknown" };
  await assert.rejects(verify(await mintToken(stranger, { caller: user, clock })), (error) => !unavailable(error));
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  await assert.rejects(verifier({ keys: url, clock })(token), unavailable);
});

test("two processes that make the development key at once end up with the same one, and only its owner may read it", async (t) => {
  const data = await folder(t);
  const [one, two] = await Promise.all([developmentKeys(data), developmentKeys(data)]);
  assert.equal(one.keyId, two.keyId);
  assert.equal((await stat(path.join(data, "keys", "signing.pem"))).mode & 0o777, 0o600);
});

test("who may call what", () => {
  const callers = {
    nobody: undefined,
    user: { kind: "user", id: "u", roles: [] },
    operator: { kind: "user", id: "o", roles: ["operator"] },
    service: { kind: "service", name: "s" },
  } as const;
  const table = Object.fromEntries(
    (["anyone", "user", "operator", "service"] as const).map((access) => [
      access,
      Object.entries(callers).map(([name, caller]) => `${name}: ${mayCall(access, caller)}`),
    ]),
  );
  assert.deepEqual(table, {
    anyone: ["nobody: ok", "user: ok", "operator: ok", "service: ok"],
    user: ["nobody: unauthenticated", "user: ok", "operator: ok", "service: forbidden"],
    operator: ["nobody: unauthenticated", "user: forbidden", "operator: ok", "service: forbidden"],
    service: ["nobody: unauthenticated", "user: forbidden", "operator: forbidden", "service: ok"],
  });
});
