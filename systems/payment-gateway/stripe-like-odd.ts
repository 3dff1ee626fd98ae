const event = (metadata: unknown, more: object = {}): string =>
  JSON.stringify({
    id: "evt_odd",
    object: "event",
    type: "payment_intent.succeeded",
    data: { object: { id: "pi_odd", object: "payment_intent", metadata } },
    ...more,
  });
const fine = { key: "charge-x", reference: "x" };

/** Bodies of events, for tests: another application's payments on the same account may have any metadata. */
export const oddEvents: readonly string[] = [
  event(fine),
  event({ ...fine, reference: "a\u0000b" }),
  event({ ...fine, reference: "a\ud800b" }),
  event({ ...fine, key: "a\u0000b" }),
  event({ ...fine, reference: "" }),
  event({ ...fine, reference: "r".repeat(100_000) }),
  event({ key: 1, reference: ["x"] }),
  event(["key"]),
  event(null),
  event(fine, { data: null }),
  event(fine, { type: { toString: 1 } }),
  event(fine, { type: { toString: null, valueOf: null } }),
  event(fine, { type: ["payment_intent.succeeded"] }),
  event(fine, { type: "__proto__" }),
];
