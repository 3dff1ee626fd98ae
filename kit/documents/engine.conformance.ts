import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Doc, DocumentEngine, Index } from "./engine.ts";

/** One engine under test, empty, with as many instances as a test wants. */
export interface DocumentRig extends AsyncDisposable {
  /** Another instance on the same documents, as another process would have it. Closed with the rig. */
  open(): Promise<DocumentEngine>;
}

/** What an engine does in its own way; a text says why the tests of it do not apply. */
export interface DocumentTraits {
  /** What was written is there for an instance that is opened after the others have closed. */
  readonly durable: true | string;
}

const collections: Readonly<Record<string, readonly Index[]>> = {
  things: [{ on: ["kind", "size"] }, { on: ["at"] }],
  others: [],
};
const thing = (id: string, fields: Readonly<Record<string, unknown>> = {}, version = 1): Doc => ({
  _id: id,
  version,
  ...fields,
});

/** What every engine of documents promises. `skip` says why none of it can be tried here. */
export function documentEngineConformance(
  name: string,
  makeRig: () => Promise<DocumentRig>,
  { durable, skip = false }: DocumentTraits & { readonly skip?: string | false },
): void {
  describe(`documents on ${name}`, { skip }, () => {
    const engineTest = (what: string, run: (engine: DocumentEngine, rig: DocumentRig) => Promise<void>) =>
      void test(what, async () => {
        await using rig = await makeRig();
        const engine = await rig.open();
        await engine.ensure(collections);
        await engine.ensure(collections);
        await run(engine, rig);
      });

    engineTest("a document comes back as it went in, whatever it holds", async (engine) => {
      const values = {
        text: "ü \u2028 \u{1f980}",
        empty: "",
        nothing: null,
        yes: true,
        large: 9_007_199_254_740_991,
        small: -0.125,
        list: [1, [2, [3, { deep: [] }]], {}],
        $dollar: { $in: [1], "a.b": 2, "%24": 3, "": 4 },
        "dotted.name": { "x.y.z": "$v" },
        valueOf: [{ constructor: [{ hasOwnProperty: 1 }], _bsontype: "ObjectId", "%76": "%" }],
        long: "x".repeat(1_000_000),
        deep: Array.from({ length: 60 }).reduce<unknown>((inner) => ({ inner: [inner] }), "end"),
      };
      await engine.insert("things", [thing("odd", values)]);
      assert.deepEqual(await engine.get("things", "odd"), thing("odd", values));
      assert.equal(await engine.get("things", "none"), undefined);
      assert.equal(await engine.get("others", "odd"), undefined);
    });

    engineTest("odd ids are ids", async (engine) => {
      const ids = ["", " ", "a.b", "$a", "ключ", "a/b#c", "x".repeat(500), "'\"`;--"];
      assert.equal(
        (
          await engine.insert(
            "things",
            ids.map((id) => thing(id)),
          )
        ).size,
        ids.length,
      );
      for (const id of ids) assert.equal((await engine.get("things", id))?._id, id);
      await engine.remove("things", ids);
      assert.equal(await engine.count("things"), 0);
    });

    engineTest("of those that are inserted only the new ones are, and they are named", async (engine) => {
      await engine.insert("things", [thing("a", { n: 1 })]);
      const inserted = await engine.insert("things", [thing("a", { n: 2 }), thing("b"), thing("c")]);
      assert.deepEqual([...inserted].toSorted(), ["b", "c"]);
      assert.equal((await engine.get("things", "a"))?.["n"], 1);
    });

    engineTest("of many who replace one version over two instances one wins", async (engine, rig) => {
      const other = await rig.open();
      await engine.insert("things", [thing("a")]);
      const won = await Promise.all(
        Array.from({ length: 40 }, (_, at) =>
          (at % 2 === 0 ? engine : other).replace("things", thing("a", { by: at }, 2), 1),
        ),
      );
      assert.equal(won.filter(Boolean).length, 1);
      assert.equal((await engine.get("things", "a"))?.["by"], won.indexOf(true));
      assert.equal(await engine.replace("things", thing("none", {}, 2), 1), false);
    });

    engineTest("of many who insert one document over two instances one does", async (engine, rig) => {
      const other = await rig.open();
      const made = await Promise.all(
        Array.from({ length: 40 }, (_, at) =>
          (at % 2 === 0 ? engine : other).insert("things", [thing("a", { by: at })]),
        ),
      );
      assert.equal(made.filter(({ size }) => size === 1).length, 1);
    });

    engineTest("who counts up by replacing what he has read loses nothing", async (engine, rig) => {
      const engines = [engine, await rig.open()];
      await engine.insert("things", [thing("a", { n: 0 })]);
      const countUp = async (on: DocumentEngine) => {
        for (;;) {
          const read = await on.get("things", "a");
          assert.ok(read !== undefined);
          const next = thing("a", { n: Number(read["n"]) + 1 }, read.version + 1);
          if (await on.replace("things", next, read.version)) return;
        }
      };
      await Promise.all(Array.from({ length: 30 }, (_, at) => countUp(engines[at % 2] ?? engine)));
      assert.deepEqual(await engine.get("things", "a"), thing("a", { n: 30 }, 31));
    });

    engineTest(
      "steps are taken in their order, and none behind one that finds its document otherwise",
      async (engine) => {
        await engine.insert("things", [thing("a"), thing("gone")]);
        const done = await engine.apply([
          { do: "replace", collection: "things", document: thing("a", { n: 1 }, 2), version: 1 },
          { do: "insert", collection: "others", documents: [thing("x"), thing("y")] },
          { do: "create", collection: "things", document: thing("b") },
          { do: "remove", collection: "things", ids: ["gone"] },
          { do: "replace", collection: "things", document: thing("a", { n: 2 }, 3), version: 2 },
        ]);
        assert.equal(done, true);
        assert.deepEqual(await engine.get("things", "a"), thing("a", { n: 2 }, 3));
        assert.deepEqual([await engine.count("others"), await engine.get("things", "gone")], [2, undefined]);
        assert.ok(engine.commitMs() > 0 || durable !== true, "how long it took is told");
        const stopped = await engine.apply([
          { do: "insert", collection: "others", documents: [thing("z")] },
          { do: "create", collection: "things", document: thing("b", { n: 9 }) },
          { do: "insert", collection: "others", documents: [thing("never")] },
        ]);
        assert.equal(stopped, false);
        assert.deepEqual(
          [(await engine.get("others", "z"))?._id, await engine.get("others", "never")],
          ["z", undefined],
        );
        const late = await engine.apply([
          { do: "replace", collection: "things", document: thing("a", {}, 3), version: 2 },
          { do: "insert", collection: "others", documents: [thing("never")] },
        ]);
        assert.deepEqual([late, await engine.get("others", "never")], [false, undefined]);
      },
    );

    engineTest("what is put takes the place of a document that lacks the field, and of no other", async (engine) => {
      await engine.insert("things", [thing("draft", { n: 1 }, 3), thing("final", { n: 1, answer: "" }, 1)]);
      const put = (id: string) =>
        ({ do: "put", collection: "things", document: thing(id, { n: 2, answer: "b" }, 0), unless: "answer" }) as const;
      const steps = [put("draft"), put("final"), put("new")];
      for (let times = 0; times < 2; times += 1)
        assert.equal(
          await engine.apply([...steps, { do: "insert", collection: "others", documents: [thing("x")] }]),
          true,
        );
      for (const id of ["draft", "new"])
        assert.deepEqual(await engine.get("things", id), thing(id, { n: 2, answer: "b" }, 0));
      assert.deepEqual(await engine.get("things", "final"), thing("final", { n: 1, answer: "" }));
      assert.equal((await engine.get("others", "x"))?._id, "x");
      assert.equal(await engine.replace("things", thing("draft", { n: 9 }, 4), 3), false, "its version is the new one");
    });

    engineTest("what is removed under a version stays where it has another", async (engine) => {
      await engine.insert("things", [thing("a", {}, 1), thing("b", {}, 2)]);
      await engine.remove("things", ["a", "b", "none"], 1);
      assert.deepEqual([await engine.get("things", "a"), (await engine.get("things", "b"))?._id], [undefined, "b"]);
    });

    engineTest("documents are found by their fields, in a total order, and paged without loss", async (engine) => {
      const all = Array.from({ length: 50 }, (_, at) =>
        thing(`t${String(at).padStart(2, "0")}`, {
          kind: at % 2 === 0 ? "even" : "odd",
          size: Math.floor(at / 10),
          ...(at < 5 ? {} : { at }),
        }),
      );
      await engine.insert("things", all.toReversed());
      const found: string[] = [];
      let after: readonly [number, string] | undefined;
      for (;;) {
        const page = await engine.find("things", {
          where: { kind: "odd" },
          sort: ["size"],
          limit: 7,
          ...(after === undefined ? {} : { after }),
        });
        found.push(...page.map(({ _id }) => _id));
        const last = page.at(-1);
        if (last === undefined) break;
        after = [Number(last["size"]), last._id];
        // What comes behind the cursor meanwhile is found, too; what comes before it changes nothing.
        if (found.length === 7)
          await engine.insert("things", [
            thing("t99", { kind: "odd", size: 9 }),
            thing("t0x", { kind: "odd", size: 0 }),
          ]);
      }
      const expected = all.filter((doc) => doc["kind"] === "odd").map(({ _id }) => _id);
      assert.deepEqual(found, [...expected, "t99"]);
      assert.equal((await engine.find("things", { where: { kind: "even" }, limit: 100 })).length, 25);
      assert.equal(await engine.count("things", { where: { kind: "even", size: 0 } }), 5);
      const early = await engine.find("things", { atMost: { field: "at", value: 7 }, sort: ["at"], limit: 100 });
      assert.deepEqual(
        early.map(({ _id }) => _id),
        ["t05", "t06", "t07"],
        "documents without the field are not found",
      );
      const without = await engine.find("things", { where: { at: null }, limit: 100 });
      assert.equal(without.length, 7);
      assert.deepEqual(
        (await engine.find("things", { limit: 2, after: ["t10"] })).map(({ _id }) => _id),
        ["t11", "t12"],
      );
    });

    engineTest("pages lose nothing where the sorted field is absent or null: that comes first", async (engine) => {
      const sizes = [undefined, null, undefined, -1, 0, 0, 7];
      const all = sizes.map((size, at) =>
        thing(`t${String(at)}`, { kind: "box", ...(size === undefined ? {} : { size }) }),
      );
      await engine.insert("things", [...all.toReversed(), thing("other", { kind: "bag" }), thing("kindless")]);
      for (const limit of [1, 2, 3]) {
        const found: string[] = [];
        for (let after: readonly (string | number | null)[] | undefined; ;) {
          const page = await engine.find("things", {
            where: { kind: "box" },
            sort: ["size"],
            limit,
            ...(after === undefined ? {} : { after }),
          });
          const last = page.at(-1);
          if (last === undefined) break;
          found.push(...page.map(({ _id }) => _id));
          after = [typeof last["size"] === "number" ? last["size"] : null, last._id];
        }
        assert.deepEqual(found, ["t0", "t1", "t2", "t3", "t4", "t5", "t6"], `pages of ${String(limit)}`);
      }
      const behind = await engine.find("things", { sort: ["kind", "size"], after: [null, null, "kindless"], limit: 3 });
      assert.deepEqual(
        behind.map(({ _id }) => _id),
        ["other", "t0", "t1"],
      );
    });

    engineTest("the last ones are found from the end", async (engine) => {
      await engine.insert("things", [
        thing("a", { kind: "box", size: 2 }),
        thing("b", { kind: "box", size: 2 }),
        thing("c", { kind: "box", size: 1 }),
        thing("d", { kind: "bag", size: 9 }),
        thing("e", { kind: "box" }),
      ]);
      const found = await engine.find("things", {
        where: { kind: "box" },
        sort: ["size"],
        backwards: true,
        limit: 4,
      });
      assert.deepEqual(
        found.map(({ _id }) => _id),
        ["b", "a", "c", "e"],
      );
    });

    engineTest("what is counted is what is found", async (engine) => {
      await engine.insert("things", [
        thing("a", { kind: "box", at: 1 }),
        thing("b", { kind: "box", at: 5 }),
        thing("c", { kind: "box" }),
        thing("d", { kind: "bag", at: 1 }),
      ]);
      assert.equal(await engine.count("things"), 4);
      assert.equal(await engine.count("things", { where: { kind: "box", at: null } }), 1);
      assert.equal(await engine.count("things", { where: { kind: "box" }, atMost: { field: "at", value: 4 } }), 1);
      assert.equal(await engine.count("others"), 0);
    });

    engineTest("truth values are found as such", async (engine) => {
      await engine.insert("things", [thing("a", { kind: true }), thing("b", { kind: false })]);
      assert.deepEqual(
        (await engine.find("things", { where: { kind: false }, limit: 5 })).map(({ _id }) => _id),
        ["b"],
      );
    });

    void test(
      "what was written is there for who comes after all have gone",
      durable === true ? {} : { skip: durable },
      async () => {
        await using rig = await makeRig();
        const first = await rig.open();
        await first.ensure(collections);
        await first.insert("things", [thing("a", { n: 1 })]);
        await first.close();
        const second = await rig.open();
        await second.ensure(collections);
        assert.deepEqual(await second.get("things", "a"), thing("a", { n: 1 }));
      },
    );
  });
}
