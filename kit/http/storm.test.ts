import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { shelf } from "./fixtures/shelf.ts";
import type { Storm, Weathered } from "./fixtures/storm.ts";

const clients = 1_000;

test("health is answered in a storm of connections, before the clients that came first have been answered many times", async (t) => {
  const { door, servers } = await shelf(t);
  for (const { port } of [door, ...servers.slice(0, 1)]) {
    const storm: Storm = { port, clients, request: "GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n" };
    const worker = new Worker(new URL("fixtures/storm.ts", import.meta.url), { workerData: storm });
    const [weathered] = (await once(worker, "message")) as [Weathered]; // Proof: what the thread posts.
    await once(worker, "exit");
    t.diagnostic(JSON.stringify(weathered));
    assert.equal(weathered.status, "200");
    // Where each turn accepts one connection and answers all clients that have one, there are half a million before.
    assert.ok(weathered.replies < 5 * clients, `${String(weathered.replies)} replies to others before`);
  }
});
