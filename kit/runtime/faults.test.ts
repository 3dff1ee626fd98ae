import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { faultPoints, plantedFaults } from "./index.ts";

function folder(t: TestContext): string {
  const made = mkdtempSync(path.join(os.tmpdir(), "holdfast-faults-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
const never = () => assert.fail("no chance was asked for");

test("nothing is planted where nothing is set, empty values included", () => {
  assert.equal(plantedFaults({}, never), undefined);
  assert.equal(
    plantedFaults({ HOLDFAST_FAULT: "", HOLDFAST_FAULT_FAIL: "", HOLDFAST_FAULT_REPORT: "" }, never),
    undefined,
  );
});

test("a planted fault that could never be met is refused, with the points that there are", () => {
  const wrong: readonly Readonly<Record<string, string>>[] = [
    { HOLDFAST_FAULT: "unit:commited:1" },
    { HOLDFAST_FAULT: "unit:committed" },
    { HOLDFAST_FAULT: "unit:committed:" },
    { HOLDFAST_FAULT: "unit:committed:0" },
    { HOLDFAST_FAULT: "unit:committed:1.5" },
    { HOLDFAST_FAULT: "constructor:1" },
    { HOLDFAST_FAULT_FAIL: "unit:ran:1.1" },
    { HOLDFAST_FAULT_FAIL: "unit:ran:-0.1" },
    { HOLDFAST_FAULT_FAIL: "unit:ran:often" },
  ];
  for (const env of wrong)
    assert.throws(
      () => plantedFaults(env, never),
      (error) => error instanceof Error && faultPoints.every((point) => error.message.includes(point)),
      JSON.stringify(env),
    );
});

test("a point fails at the rate that is asked for, and the others never", () => {
  const chances = [0.1, 0.29, 0.3, 0.9];
  const faults = plantedFaults({ HOLDFAST_FAULT_FAIL: "unit:ran:0.3" }, () => chances.shift() ?? never());
  assert.ok(faults !== undefined);
  for (const point of faultPoints) if (point !== "unit:ran") faults.at(point);
  assert.throws(() => faults.at("unit:ran"), /planted failure at unit:ran/);
  assert.throws(() => faults.at("unit:ran"));
  faults.at("unit:ran");
  faults.at("unit:ran");
});

test("the process ends with SIGKILL at the n-th time of a point, and the report says what had been passed", (t) => {
  const file = path.join(folder(t), "report.json");
  const script = `
    import { plantedFaults } from ${JSON.stringify(new URL("faults.ts", import.meta.url).href)};
    const faults = plantedFaults(process.env, Math.random);
    faults.inFlight(1); faults.inFlight(1); faults.inFlight(-1);
    faults.at("unit:begun"); faults.at("unit:committed"); faults.at("unit:begun"); faults.at("unit:committed");
    console.log("survived");`;
  const { signal, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env: { HOLDFAST_FAULT: "unit:committed:2", HOLDFAST_FAULT_REPORT: file },
  });
  assert.deepEqual([signal, stdout], ["SIGKILL", ""]);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    killedAt: "unit:committed",
    inFlight: 1,
    hits: { "unit:begun": 2, "unit:committed": 2 },
  });
  assert.ok(!existsSync(`${file}.new`), "no report is left half-written");
});
