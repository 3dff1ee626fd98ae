import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { test, type TestContext } from "node:test";
import { findProblem } from "../contract/index.ts";
import { controlledRuntime } from "../runtime/index.ts";
import { mongodb, mongodbSkip } from "./fixtures/mongodb.ts";
import { mongoDocuments } from "./index.ts";

const url = mongodb ?? "";

/** A way to the server; the next question that asks for a command arrives there, and its answer does not come back. */
async function cuttable(t: TestContext) {
  const { hostname, port } = new URL(url);
  let command: string | undefined;
  const server = net.createServer((client) => {
    let cut = false;
    const behind = net.connect(Number(port), hostname);
    const hangUp = () => {
      client.destroy();
      behind.destroy();
    };
    client.on("data", (bytes) => {
      if (command !== undefined && bytes.includes(`${command}\0`)) {
        cut = true;
        command = undefined;
      }
      behind.write(bytes);
    });
    behind.on("data", (bytes) => (cut ? hangUp() : client.write(bytes)));
    for (const socket of [client, behind]) socket.on("error", hangUp).on("close", hangUp);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const way = `mongodb://127.0.0.1:${String(typeof address === "object" ? address?.port : 0)}`;
  const database = `test_${randomUUID().slice(0, 8)}`;
  const engine = await mongoDocuments({ url: way, database, runtime: controlledRuntime() });
  t.after(async () => {
    await engine.close();
    server.close();
  });
  return {
    engine,
    cut: (next: "update" | "insert" | "delete" | "find") => {
      command = next;
    },
  };
}

const saying = (code: string) => (error: unknown) => findProblem(error)?.code === code;

test(
  "MongoDB: a write whose answer is lost is of unknown outcome; a question is asked again",
  { skip: mongodbSkip },
  async (t) => {
    const { engine, cut } = await cuttable(t);
    await engine.insert("things", [{ _id: "a", version: 1 }]);
    cut("update");
    await assert.rejects(engine.replace("things", { _id: "a", version: 2 }, 1), saying("kit/outcome-unknown"));
    assert.equal((await engine.get("things", "a"))?.version, 2, "it was done");
    cut("insert");
    await assert.rejects(engine.insert("things", [{ _id: "b", version: 1 }]), saying("kit/outcome-unknown"));
    cut("delete");
    await assert.rejects(engine.remove("things", ["b"]), saying("kit/outcome-unknown"));
    cut("find");
    assert.equal(await engine.get("things", "b"), undefined);
  },
);

test(
  "MongoDB: of steps that fail behind the first one, nobody says that nothing was written",
  { skip: mongodbSkip },
  async (t) => {
    const { engine } = await cuttable(t);
    const huge = "x".repeat(17 * 1024 * 1024);
    const steps = engine.apply([
      { do: "create", collection: "things", document: { _id: "a", version: 1 } },
      { do: "insert", collection: "things", documents: [{ _id: "b", version: 1, huge }] },
    ]);
    await assert.rejects(steps, saying("kit/outcome-unknown"));
    assert.equal((await engine.get("things", "a"))?.version, 1);
  },
);

test(
  "MongoDB: a document that is too large is refused as such, so that its unit fails and its consumer goes on",
  { skip: mongodbSkip },
  async (t) => {
    const { engine } = await cuttable(t);
    await engine.insert("things", [{ _id: "a", version: 1 }]);
    for (const bytes of [17, 50].map((mebibytes) => mebibytes * 1024 * 1024)) {
      const huge = "x".repeat(bytes);
      const refused = (error: unknown) => error instanceof Error && findProblem(error) === undefined;
      await assert.rejects(engine.insert("things", [{ _id: "b", version: 1, huge }]), refused);
      await assert.rejects(engine.replace("things", { _id: "a", version: 2, huge }, 1), refused);
    }
    assert.deepEqual(await engine.get("things", "a"), { _id: "a", version: 1 });
  },
);

test("MongoDB: a store that is closed is unavailable", { skip: mongodbSkip }, async () => {
  const engine = await mongoDocuments({ url, database: "test_closed", runtime: controlledRuntime() });
  await engine.insert("things", [{ _id: randomUUID(), version: 1 }]);
  await engine.close();
  await assert.rejects(engine.insert("things", [{ _id: "b", version: 1 }]), saying("kit/unavailable"));
});
