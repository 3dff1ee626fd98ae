import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../runtime/index.ts";
import { formatTraceparent, logger, parseTraceparent, type Level } from "./index.ts";

function lines(format: "json" | "pretty", level: Level = "debug") {
  const written: string[] = [];
  return { written, log: logger({ level, format, colours: true, write: (line) => written.push(line) }) };
}
const parsed = (line: string | undefined) => JSON.parse(line ?? "{}") as Record<string, unknown>; // Proof: written as an object.

test("entries below the level are not written; a child's fields stand in each of its entries", () => {
  const { written, log } = lines("json", "warn");
  log.info("quiet");
  log.child({ service: "orders" }).critical("loud", { count: 1 });
  assert.equal(written.length, 1);
  const { time, ...entry } = parsed(written[0]);
  assert.deepEqual(entry, { level: "critical", service: "orders", count: 1, msg: "loud" });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
});

test("fields cannot take the place of what an entry says itself", () => {
  const { written, log } = lines("json");
  log.info("real", { level: "critical", time: "never", msg: "forged" });
  const { level, msg, level_: other } = parsed(written[0]);
  assert.deepEqual([level, msg, other], ["info", "real", "critical"]);
  assert.equal(written[0]?.match(/"level":/g)?.length, 1);
});

test("nothing that is logged forges a line or a colour on a terminal", () => {
  const { written, log } = lines("pretty");
  const evil = "x\n12:00:00.000 critical \u001b[41mforged\u009b31m\r";
  log.warn(evil, { name: evil, [evil]: 1, error: new Error(evil) });
  const [first = "", ...others] = (written[0] ?? "").trimEnd().split("\n");
  assert.equal(first.split("\u001b").length, 3, "the colours of the level alone");
  assert.ok(!first.includes("\r") && !first.includes("\u009b"));
  for (const line of others) assert.match(line, /^ {4}/);
});

test("where there are no colours, none are written", () => {
  const written: string[] = [];
  logger({ level: "info", format: "pretty", colours: false, write: (line) => written.push(line) }).error("plain");
  assert.match(written[0] ?? "", /^\d\d:\d\d:\d\d\.\d{3} error    plain\n$/);
});

test("what cannot be written does not stop what can", () => {
  const { written, log } = lines("json");
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const cause = new Error("inner");
  cause.cause = cause;
  const fields = {
    circle,
    big: 12n,
    long: "y".repeat(100_000),
    get broken(): string {
      throw new Error("no");
    },
    error: new Error("outer", { cause }),
  };
  log.error("odd", fields);
  const { big, long, broken, circle: shown, error } = parsed(written[0]);
  assert.deepEqual([big, broken, shown], ["12", "(cannot be written)", "(cannot be written)"]);
  assert.ok(String(long).length < 9_000);
  assert.match(JSON.stringify(error), /"message":"outer".*"message":"inner"/);
});

test("an error that throws when it is looked at is told as far as it can be", () => {
  const broken = new Error("never seen");
  Object.defineProperty(broken, "message", {
    get() {
      throw new Error("no");
    },
  });
  const refuse = () => {
    throw new Error("no");
  };
  const proxy = new Proxy(new Error("hidden"), { get: refuse, getPrototypeOf: refuse });
  for (const format of ["json", "pretty"] as const) {
    const { written, log } = lines(format);
    for (const error of [broken, proxy, Object.create(null), undefined, Symbol("odd")]) {
      log.error("odd", { error, id: 7 });
      log.child({ error }).error("odd", { id: 7 });
    }
    assert.equal(written.length, 10);
    for (const line of written) assert.match(line, /"id":7|id=7/);
  }
});

test("nothing floods: events, objects, errors, their codes and their causes are cut", () => {
  const long = "y".repeat(50_000);
  for (const format of ["json", "pretty"] as const) {
    const { written, log } = lines(format);
    log.info(long);
    log.info("object", { deep: { deeper: [long] } });
    for (const line of written) assert.ok(line.length < 9_000, format);
    const cause = Object.assign(new Error(long), { code: long, name: long });
    log.error("error", { error: new Error(long, { cause }) });
    assert.ok((written[2]?.length ?? 0) < 60_000, format);
  }
});

test("a name stands once in an entry, and the entry's own field goes before its parent's", () => {
  const { written, log } = lines("json");
  log.child({ service: "orders", ["__proto__"]: 1 }).info("x", { service: "billing" });
  assert.equal(written[0]?.match(/"service"/g)?.length, 1);
  assert.equal(parsed(written[0])["service"], "billing");
  assert.match(written[0] ?? "", /"__proto__":1/);
});

test("for people, too, an error is told with its causes", () => {
  const { written, log } = lines("pretty");
  log.error("failed", { error: new Error("outer", { cause: new Error("inner", { cause: "the root" }) }) });
  assert.match(
    written[0] ?? "",
    /\n {4}Error: outer\n[\s\S]*\n {4}caused by Error: inner\n[\s\S]*\n {4}caused by the root\n$/,
  );
});

test("a traceparent is read as W3C says, and what is not one begins a new trace", () => {
  const random = seededRandom(1);
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  assert.equal(formatTraceparent(parseTraceparent(good, random)), good);
  const future = `cc-${good.slice(3)}-more`;
  assert.equal(parseTraceparent(future, random).traceId, "0af7651916cd43dd8448eb211c80319c");
  for (const bad of [
    undefined,
    "",
    "00",
    `ff-${good.slice(3)}`,
    `${good}-more`,
    good.toUpperCase(),
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`,
  ])
    assert.notEqual(parseTraceparent(bad, random).traceId, "0af7651916cd43dd8448eb211c80319c", String(bad));
});
