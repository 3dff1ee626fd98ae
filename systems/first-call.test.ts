import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { mintToken } from "holdfast/access";
import { startPlatform } from "holdfast/cli";
import { systemRuntime } from "holdfast/runtime";
import { until } from "holdfast/testing";
import { example } from "./example.ts";
import { seed } from "./seed.ts";
import { systems } from "./systems.ts";

const answer = async (url: string, init: RequestInit = {}) => {
  const reply = await fetch(url, init);
  // Proof: the platform answers with JSON objects.
  return { http: reply.status, ...((await reply.json()) as Readonly<Record<string, unknown>>) };
};

test("education alone is filled with courses, once, and the call that is shown to try first registers for one", async (t) => {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-first-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const args = ["education", "--port=0", "--service-port=0", "--log-level=critical", `--data=${data}`];
  const platform = await startPlatform({ systems, args, env: {} });
  t.after(() => platform.stop(2_000));
  assert.ok(platform.keys !== undefined);
  const { clock } = systemRuntime();
  const token = await mintToken(platform.keys, { caller: { kind: "user", id: "ops", roles: ["operator"] }, clock });
  await seed({ ...platform, token });
  const dearer = { title: "Baking bread", price: { amount: 5_000, currency: "EUR" }, seats: 7 };
  const change = { method: "PUT", body: JSON.stringify(dearer), headers: { authorization: `Bearer ${token}` } };
  const headers = { ...change.headers, "content-type": "application/json" };
  assert.equal((await answer(`${platform.url}/courses/10`, { ...change, headers })).http, 200);
  await seed({ ...platform, token });
  const course = await answer(`${platform.url}/courses/10`);
  assert.equal(Reflect.get(course, "seats"), 7, "what is there is left as it is");

  const command = example(platform) ?? "";
  const own = platform.addresses.find(({ name }) => name === "registrations")?.url ?? "";
  const call = `${own}/register?user_id=1&user_email=test@example.com&course_id=10`;
  assert.equal(command, `curl -s -X POST '${call}'`);
  const registered = await answer(call, { method: "POST" });
  assert.equal(registered.http, 201);
  const address = `${platform.url}/registrations/${String(Reflect.get(registered, "registrationId"))}`;
  await until("it is completed", async () => Reflect.get(await answer(address), "stage") === "completed");
});

test("what is shown to try first belongs to what runs", () => {
  const url = "http://127.0.0.1:8080";
  const running = (...names: readonly string[]) =>
    example({ url, addresses: names.map((name) => ({ name, url: name })) });
  assert.match(running("customers", "registrations") ?? "", /^curl -s 'http:\/\/127\.0\.0\.1:8080\/customers' /);
  assert.match(running("courses", "registrations") ?? "", /^curl -s -X POST 'registrations\/register\?/);
  assert.equal(running("notifications"), undefined);
});
