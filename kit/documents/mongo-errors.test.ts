import assert from "node:assert/strict";
import { test } from "node:test";
import * as mongodb from "mongodb";
import { findProblem, kitProblems } from "../contract/index.ts";
import { mongoErrors } from "./mongo-errors.ts";

test("an error of the socket is no fault of the document: a read is unavailable, a write of unknown outcome", async () => {
  const { reading, writing } = mongoErrors(mongodb);
  const codeAfter = async (failed: Promise<unknown>) =>
    findProblem(await failed.catch((error: unknown) => error))?.code ?? "the document's own";
  for (const code of ["EPIPE", "ECONNRESET", "ETIMEDOUT"]) {
    const broken = () => Promise.reject(Object.assign(new Error("This socket has been ended"), { code }));
    assert.equal(await codeAfter(reading(broken)), kitProblems.unavailable.code, code);
    assert.equal(await codeAfter(writing(broken)), kitProblems.outcomeUnknown.code, code);
  }
  const unserialisable = () => Promise.reject(new mongodb.BSON.BSONError("cyclic dependency"));
  assert.equal(await codeAfter(writing(unserialisable)), "the document's own");
});
