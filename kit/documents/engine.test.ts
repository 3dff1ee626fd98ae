import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { controlledRuntime } from "../runtime/index.ts";
import { documentEngineConformance } from "./engine.conformance.ts";
import { memoryEngine, type Memory } from "./fixtures/memory-engine.ts";
import { mongodb, mongodbSkip } from "./fixtures/mongodb.ts";
import { embeddedDocuments, mongoDocuments, type DocumentEngine } from "./index.ts";

const runtime = controlledRuntime();
const onFatal = (error: unknown) => {
  throw error;
};

/** Instances that are closed with the rig, whoever has closed them before. */
function rigOf(make: () => Promise<DocumentEngine>, cleanUp: () => Promise<unknown>) {
  const opened: DocumentEngine[] = [];
  return {
    async open() {
      const engine = await make();
      opened.push(engine);
      return engine;
    },
    async [Symbol.asyncDispose]() {
      for (const engine of opened) await engine.close();
      await cleanUp();
    },
  };
}

documentEngineConformance(
  "the embedded engine",
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-documents-"));
    const file = path.join(folder, "documents.db");
    return rigOf(
      () => embeddedDocuments({ file, durability: "none", runtime, onFatal }),
      () => rm(folder, { recursive: true, force: true }),
    );
  },
  { durable: true },
);

documentEngineConformance(
  "the memory of the protocol's tests",
  () => {
    const memory: Memory = new Map();
    const free = () => Promise.resolve();
    return Promise.resolve(rigOf(() => Promise.resolve(memoryEngine(memory, free)), free));
  },
  { durable: "the memory of a test is gone with its last instance" },
);

const url = mongodb ?? "";
const skip = mongodbSkip;
test("MongoDB: any JSON comes back as it went in", { skip }, async () => {
  const engine = await mongoDocuments({ url, database: `test_${randomUUID().slice(0, 8)}`, runtime });
  let number = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        number += 1;
        const plain: unknown = JSON.parse(JSON.stringify(value));
        const id = `value ${String(number)}`;
        await engine.insert("things", [{ _id: id, version: 1, value: plain }]);
        assert.deepEqual((await engine.get("things", id))?.["value"], plain);
      }),
      { numRuns: 80 },
    );
  } finally {
    await engine.close();
  }
});
documentEngineConformance(
  "MongoDB",
  () => {
    const database = `test_${randomUUID().slice(0, 8)}`;
    const make = () => mongoDocuments({ url, database, runtime });
    return Promise.resolve(rigOf(make, () => Promise.resolve()));
  },
  { durable: true, skip },
);
