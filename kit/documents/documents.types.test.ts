import assert from "node:assert/strict";
import { test } from "node:test";
import { contracts, t } from "../contract/index.ts";
import { service, startupFaults } from "../service/index.ts";
import { snapshot, sql, table, text } from "../sql/index.ts";
import { collection, documents } from "./index.ts";

const { endpoint, event, job: jobContract } = contracts("boxes");
const Box = t.Object({ size: t.Integer(), label: t.Optional(t.String()) });
const PutBox = endpoint("PUT /boxes/{boxId}", { summary: "", access: "anyone", body: Box, replies: { 200: Box } });
const Moved = event("moved", {
  version: 1,
  key: "boxId",
  summary: "",
  data: t.Object({ boxId: t.String(), to: t.String() }),
});
const Sweep = jobContract("sweep", { summary: "", data: t.Object({ boxId: t.String() }) });
const boxes = collection("boxes", { schema: Box });
const store = documents({ collections: { boxes } });
const { handle, on, job, assemble } = service("boxes", {
  store,
  scope: ({ docs }) => ({ docs }),
  resources: () => Promise.resolve({ crane: { lift: () => Promise.resolve("lifted" as const) } }),
});
const byId = boxes.by(({ params }: { readonly params: { readonly boxId: string } }) => params.boxId);

// What is right: types reach every lambda, in both forms, for requests, messages and jobs.
const putBox = handle(
  PutBox,
  boxes.by(({ params }) => params.boxId),
  ({ body, document, enqueue, reply }) => {
    const before: number | undefined = document.value?.size;
    document.set({ ...body, size: body.size + (before ?? 0) });
    enqueue(Sweep, { boxId: document.id }, { afterMs: 5 });
    return Promise.resolve(reply(200, body));
  },
);
const moved = on(
  Moved,
  boxes.by(({ data }) => data.boxId),
  {
    prepare: async ({ data, crane }) => ({ how: await crane.lift(), to: data.to }),
    run: ({ prepared, document }) => {
      const how: "lifted" = prepared.how;
      document.set({ size: 1, label: `${how} to ${prepared.to}` });
      return Promise.resolve();
    },
    exhausted: ({ failure, document }) => {
      const attempts: number = failure.attempts;
      return Promise.resolve(document.set({ size: attempts }));
    },
    retry: { attempts: 3 },
  },
);
const sweep = job(
  Sweep,
  boxes.by(({ data }) => data.boxId),
  ({ document }) => Promise.resolve(document.delete()),
);

// What is wrong does not compile, and the error stands at the very word.
void (() => [
  handle(PutBox, byId, ({ document, body, reply }) => {
    // @ts-expect-error a document that its collection does not hold
    document.set({ size: "large" });
    return Promise.resolve(reply(200, body));
  }),
  handle(PutBox, byId, ({ body, enqueue, reply }) => {
    // @ts-expect-error a job with fields missing
    enqueue(Sweep, {});
    return Promise.resolve(reply(200, body));
  }),
  handle(
    PutBox,
    // @ts-expect-error a name that is made of what the request does not have
    boxes.by(({ params }) => String(params.id)),
    ({ body, reply }) => Promise.resolve(reply(200, body)),
  ),
  handle(
    PutBox,
    // @ts-expect-error a name that is made of what the store holds
    boxes.by(({ docs }) => String(docs)),
    ({ body, reply }) => Promise.resolve(reply(200, body)),
  ),
  // @ts-expect-error a document where none was named
  handle(PutBox, ({ document, body, reply }) => Promise.resolve(reply(200, { ...body, label: String(document) }))),
  handle(PutBox, byId, {
    // @ts-expect-error a document in prepare
    prepare: ({ document }) => Promise.resolve(String(document)),
    run: ({ body, reply }) => Promise.resolve(reply(200, body)),
  }),
]);

test("a handler whose document is not among the collections of its store does not start, and is named", () => {
  const tables = { rows: table({ id: text().primaryKey() }) };
  const elsewhere = service("boxes", {
    store: sql({ tables, migrations: [{ name: "0001", snapshot: snapshot(tables) }] }),
    scope: ({ db }) => ({ db }),
  });
  const wrong = elsewhere.handle(PutBox, byId, ({ body, reply }) => Promise.resolve(reply(200, body)));
  const parts = { consumers: [], jobs: [] };
  assert.match(
    startupFaults([elsewhere.assemble({ PutBox }, { routes: { PutBox: wrong }, ...parts })]).join(),
    /the handler of PUT \/boxes\/\{boxId\} changes a document of boxes, which is not among the collections/,
  );
  const right = assemble({ PutBox, Moved }, { routes: { PutBox: putBox }, consumers: [moved], jobs: [sweep] });
  assert.deepEqual(startupFaults([right]), []);
});

test("collections that cannot be kept are start-up faults, all of them", () => {
  const faults = documents({
    collections: {
      one: collection("Twice Named", { schema: t.Object({ version: t.Integer() }) }),
      two: collection("listed", { schema: t.Object({ a: t.String() }), indexes: [{ on: ["b"] }] }),
      three: collection("listed", { schema: t.Object({ pending: t.String() }) }),
    },
  }).faults();
  assert.equal(faults.length, 5, faults.join("\n"));
});
