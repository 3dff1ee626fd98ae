import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { amqpPrefix, fromBinary, fromStructured, kafkaPrefix, toBinary, toStructured } from "./cloud-events.ts";
import type { Envelope } from "./envelope.ts";

const fallback = { id: "fallback", source: "/topic/0", type: "topic", key: "", time: "2030-01-01T00:00:00.000Z" };
/** Of every code point but the surrogates, which are no text on their own. fast-check's own unit of that kind first makes a table of all of them. */
const unit = fc
  .integer({ min: 0, max: 0x10_ffff - 0x800 })
  .map((at) => String.fromCodePoint(at < 0xd800 ? at : at + 0x800));
const text = fc.string({ unit });
const maybe = fc.option(text, { nil: undefined });
const header = fc
  .oneof(text, fc.constant("__proto__"), fc.constantFrom("tenant", "data", "headers"))
  .filter((name) => !/^(ce_|cloudevents:|content-type$|traceparent$)/i.test(name));

const envelope: fc.Arbitrary<Envelope> = fc.record({
  id: text,
  source: text,
  type: text,
  version: fc.integer({ min: 1, max: 999_999_999 }),
  key: text,
  time: text,
  correlationId: text,
  causationId: maybe,
  traceparent: maybe,
  headers: fc
    .array(fc.tuple(header, text))
    .map((pairs) => Object.fromEntries(pairs.map(([name, value]) => [name, value]))),
  data: fc.oneof(text, fc.json(), fc.uint8Array()),
});

const bytesOf = (data: string | Uint8Array): Uint8Array =>
  typeof data === "string" ? new TextEncoder().encode(data) : data;
const plain = (each: Envelope) => ({ ...each, data: typeof each.data === "string" ? each.data : [...each.data] });

test("binary mode gives the envelope back, whichever the binding, also when the data travels as bytes", () => {
  fc.assert(
    fc.property(envelope, fc.constantFrom(kafkaPrefix, amqpPrefix), fc.boolean(), (sent, prefix, asBytes) => {
      const { headers, data } = toBinary(sent, prefix);
      const got = fromBinary({ headers, data: asBytes ? bytesOf(data) : data }, fallback, prefix);
      assert.deepEqual(plain(got), plain(sent));
    }),
  );
});

test("structured mode gives the envelope back to the byte", () => {
  fc.assert(
    fc.property(envelope, (sent) => {
      assert.deepEqual(plain(fromStructured(toStructured(sent), fallback)), plain(sent));
    }),
  );
});

test("no header of a user overrides an attribute", () => {
  const reserved = fc.constantFrom(
    "ce_id",
    "CE_Source",
    "ce_partitionkey",
    "Content-Type",
    "traceparent",
    "TraceParent",
    "ce_new",
  );
  fc.assert(
    fc.property(envelope, reserved, (sent, name) => {
      const forged = { ...sent, headers: { ...sent.headers, [name]: "forged" } };
      const got = fromBinary(toBinary(forged), fallback);
      assert.deepEqual(plain(got), plain(sent));
    }),
  );
});

test("an event of a foreign producer takes from the fallback what it lacks", () => {
  const got = fromBinary(
    { headers: { "x-own": "1", ce_id: "7", traceparent: "00-1-2-01" }, data: bytesOf("{}") },
    fallback,
  );
  assert.deepEqual(got, {
    ...fallback,
    id: "7",
    version: 1,
    correlationId: "7",
    causationId: undefined,
    traceparent: "00-1-2-01",
    headers: { "x-own": "1" },
    data: "{}",
  });
  assert.equal(fromBinary({ headers: { ce_schemaversion: "2.1" }, data: "{}" }, fallback).version, 0);
});

test("structured mode is readable: data that is JSON stands as JSON", () => {
  const sent = {
    ...fallback,
    version: 1,
    correlationId: "c",
    causationId: undefined,
    traceparent: undefined,
    headers: {},
    data: '{"x":[1]}',
  };
  assert.deepEqual(JSON.parse(toStructured(sent)), {
    specversion: "1.0",
    id: "fallback",
    source: "/topic/0",
    type: "topic",
    time: "2030-01-01T00:00:00.000Z",
    datacontenttype: "application/json",
    partitionkey: "",
    schemaversion: "1",
    correlationid: "c",
    data: { x: [1] },
  });
  assert.throws(() => fromStructured('{"id":"1"}', fallback), TypeError);
  assert.throws(() => fromStructured("[]", fallback), TypeError);
});

test("whole numbers keep their digits in structured mode", () => {
  const data = '{"id":9007199254740993,"list":[-12345678901234567890123]}';
  const text = `{"specversion":"1.0","id":9007199254740993,"source":"/a","type":"b","sequence":18446744073709551615,"data":${data}}`;
  const got = fromStructured(text, fallback);
  assert.deepEqual([got.id, got.headers["sequence"], got.data], ["9007199254740993", "18446744073709551615", data]);
  assert.equal(fromStructured(toStructured(got), fallback).data, data);
});
