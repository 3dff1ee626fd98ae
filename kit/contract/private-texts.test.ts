import assert from "node:assert/strict";
import { test } from "node:test";
import { secret } from "../runtime/index.ts";
import { loggable, privateTexts, t } from "./index.ts";

const id = "0192d3a0-7c1e-7000-8000-000000000001";
const Order = t.Object({
  orderId: t.String({ format: "uuid" }),
  at: t.String({ format: "date-time" }),
  sku: loggable(t.String()),
  state: t.Union([t.Literal("pending"), t.Literal("confirmed")]),
  note: t.Optional(t.String()),
  card: t.Optional(t.Integer()),
  pin: t.Optional(secret(t.String())),
  lines: t.Array(t.Object({ name: t.String() })),
  labels: t.Record(t.String(), t.String()),
});
const order = { orderId: id, at: "2030-01-01T00:00:00Z", sku: "apple", state: "pending", lines: [], labels: {} };

test("ids, times, listed values and what is declared loggable may stand in a log; nothing else may", () => {
  assert.deepEqual([...privateTexts(Order, order)], []);
  const told = { ...order, note: "for my aunt", card: 4_111_111, pin: "12", lines: [{ name: "Anna" }] };
  assert.deepEqual([...privateTexts(Order, told)], ["Anna", "for my aunt", "4111111", "12"]);
  const labelled = { ...order, labels: { colour: "green" } };
  assert.deepEqual([...privateTexts(Order, labelled)], ["colour", "green"]);
});

test("what does not fit its schema is private, whatever the schema would say of it", () => {
  const odd = { ...order, orderId: "no uuid at all", state: "listed nowhere", more: { deep: ["down"] } };
  assert.deepEqual([...privateTexts(Order, odd)], ["no uuid at all", "listed nowhere", "more", "deep", "down"]);
  assert.deepEqual([...privateTexts(undefined, ["text", true, null, 5])], ["text"]);
});
