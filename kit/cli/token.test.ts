import assert from "node:assert/strict";
import { existsSync, mkdirSync, statSync, writeFileSync, chmodSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { developmentKeys } from "../access/index.ts";
import { dataFolder } from "./fixtures/run-platform.ts";
import { mint } from "./token.ts";

test("a token takes an option for no role: it is refused, and no key is made", async () => {
  await using data = await dataFolder();
  const env = { HOLDFAST_DATA: data.path };
  await assert.rejects(mint(["ops", "operator", "--data=elsewhere"], env), /no option.*HOLDFAST_DATA/);
  await assert.rejects(mint(["--help"], env), /no option/);
  assert.ok(!existsSync(path.join(data.path, "keys")));
});

test("a token is not signed by a new key: a folder without a key is named, and stays as it was", async () => {
  await using data = await dataFolder();
  const absent = path.join(data.path, "absent");
  await assert.rejects(mint(["ops"], { HOLDFAST_DATA: absent }), {
    message: new RegExp(`no signing key in ${absent}\\.`),
  });
  assert.ok(!existsSync(absent));
  await assert.rejects(mint(["ops"], { HOLDFAST_DATA: data.path }), /no signing key/);
  assert.ok(!existsSync(path.join(data.path, "keys")));
  await developmentKeys(data.path);
  assert.match(await mint(["ops"], { HOLDFAST_DATA: data.path }), /^\S+\.\S+\.\S+$/);
});

test("a damaged signing key is named, with what to do; one that others could read is theirs no more", async () => {
  await using data = await dataFolder();
  const file = path.join(data.path, "keys/signing.pem");
  mkdirSync(path.dirname(file));
  for (const pem of ["", "x".repeat(100), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]) {
    writeFileSync(file, pem);
    await assert.rejects(developmentKeys(data.path), {
      message: new RegExp(`^${file} is not .*Restore it, or delete it`),
    });
  }
  await using other = await dataFolder();
  await developmentKeys(other.path);
  const key = path.join(other.path, "keys/signing.pem");
  chmodSync(key, 0o644);
  chmodSync(path.dirname(key), 0o755);
  await developmentKeys(other.path);
  assert.deepEqual(
    [key, path.dirname(key)].map((at) => statSync(at).mode & 0o777),
    [0o600, 0o700],
  );
});
