import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import type { LedgerEntry } from "./ledger.ts";
import { GatewayRefused, GatewayUnavailable, type ChargeRequest, type PaymentGateway } from "./port.ts";

export const never = new AbortController().signal;

export const chargeRequest = (given: Partial<ChargeRequest> = {}): ChargeRequest => ({
  key: "k1",
  amount: 500,
  currency: "EUR",
  method: "card_ok",
  reference: "order-1",
  ...given,
});

export async function gatewayFolder(t: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(os.tmpdir(), "holdfast-gateway-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Where gateways are, for one test: what is opened knows of whatever another one was asked. */
export interface GatewayGround {
  /** As another process would have one; the test's `after` clears it up. */
  open(): Promise<PaymentGateway>;
  /** What was asked for and taken, behind all of them. */
  ledger(): readonly LedgerEntry[];
}

/** What a `PaymentGateway` promises, by whichever way it is asked; its methods are `testMethods`, and whatever else is known to nobody. */
export function gatewayConformance(name: string, ground: (t: TestContext) => Promise<GatewayGround>): void {
  type Place = Pick<GatewayGround, "open" | "ledger"> & { readonly one: PaymentGateway; readonly two: PaymentGateway };
  const check = (does: string, run: (place: Place) => Promise<void>) =>
    void test(`${name}: ${does}`, async (t) => {
      const { open, ledger } = await ground(t);
      await run({ one: await open(), two: await open(), open, ledger });
    });

  check("the same key is the same charge, over instances and at the same time", async ({ one, two, ledger }) => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? one : two).charge(chargeRequest(), never)),
    );
    assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size, 1);
    assert.deepEqual(
      ledger().map(({ reference, charged, refunded }) => ({ reference, charged, refunded })),
      [{ reference: "order-1", charged: 500, refunded: 0 }],
    );
  });

  check("a key that was used for another charge is refused", async ({ one, two, ledger }) => {
    await one.charge(chargeRequest(), never);
    for (const other of [{ amount: 501 }, { currency: "USD" }, { method: "card_declined" }])
      await assert.rejects(two.charge(chargeRequest(other), never), GatewayRefused);
    assert.equal(ledger().length, 1);
  });

  check("a decline is an answer, and is remembered", async ({ one, two, ledger }) => {
    const declined = await one.charge(chargeRequest({ method: "card_declined" }), never);
    assert.deepEqual(declined, { kind: "declined", reason: "the card was declined" });
    assert.deepEqual(await two.charge(chargeRequest({ method: "card_declined" }), never), declined);
    const unknown = await one.charge(chargeRequest({ key: "k2", method: "card_of_glass" }), never);
    assert.equal(unknown.kind, "declined");
    assert.ok(ledger().every(({ charged }) => charged === 0));
  });

  check("a lost answer is no answer; asking again tells of the one charge", async ({ one, two, ledger }) => {
    const lost = chargeRequest({ method: "card_answer_lost" });
    await assert.rejects(one.charge(lost, never), GatewayUnavailable);
    assert.equal(ledger().length, 1, "it was charged all the same");
    assert.equal((await two.charge(lost, never)).kind, "charged");
    assert.equal(ledger().length, 1);
  });

  check("one that is down is asked until it is up", async ({ one, two }) => {
    const down = chargeRequest({ method: "card_down" });
    for (let time = 1; time <= 3; time += 1)
      await assert.rejects((time === 2 ? two : one).charge(down, never), GatewayUnavailable);
    assert.equal((await two.charge(down, never)).kind, "charged");
  });

  check("money is given back once a key, and never more than was charged", async ({ one, two, ledger }) => {
    const charged = await one.charge(chargeRequest(), never);
    assert.ok(charged.kind === "charged");
    const { chargeId } = charged;
    const refund = { key: "r1", chargeId, amount: 500, currency: "EUR" };
    const twins = await Promise.all([one, two, one, two].map((gateway) => gateway.refund(refund, never)));
    assert.equal(new Set(twins.map(({ refundId }) => refundId)).size, 1);
    await assert.rejects(two.refund({ ...refund, currency: "USD" }, never), GatewayRefused);
    await assert.rejects(two.refund({ ...refund, key: "r2", amount: 1 }, never), GatewayRefused);
    await assert.rejects(two.refund({ ...refund, key: "r3", chargeId: "ch_none" }, never), GatewayRefused);
    assert.deepEqual(
      ledger().map(({ refunded }) => refunded),
      [500],
    );
  });

  check("money is given back in parts, at the same time, up to what was charged", async ({ one, two, ledger }) => {
    const charged = await one.charge(chargeRequest(), never);
    assert.ok(charged.kind === "charged");
    const { chargeId } = charged;
    const parts = await Promise.allSettled(
      [1, 2, 3, 4].map((part) =>
        (part % 2 === 0 ? one : two).refund({ key: `r${String(part)}`, chargeId, amount: 200, currency: "EUR" }, never),
      ),
    );
    assert.equal(parts.filter(({ status }) => status === "fulfilled").length, 2);
    assert.deepEqual(
      ledger().map(({ refunded }) => refunded),
      [400],
    );
  });

  check("what is not a request is refused with the name of its field, and changes nothing", async ({ one, ledger }) => {
    const charged = await one.charge(chargeRequest(), never);
    assert.ok(charged.kind === "charged");
    for (const [field, bad] of [
      ["amount", { amount: -1 }],
      ["amount", { amount: 1.5 }],
      ["amount", { amount: Number.NaN }],
      ["amount", { amount: 1e13 }],
      ["currency", { currency: "eur" }],
      ["currency", { currency: "EURO" }],
      ["key", { key: "" }],
      ["reference", { reference: "x".repeat(100_000) }],
    ] as const)
      await assert.rejects(one.charge(chargeRequest({ key: "k2", ...bad }), never), (error) => {
        assert.ok(error instanceof GatewayRefused);
        return error.reason.includes(`/${field}`);
      });
    const refund = { key: "r1", chargeId: charged.chargeId, currency: "EUR" };
    await assert.rejects(one.refund({ ...refund, amount: -100 }, never), GatewayRefused);
    await assert.rejects(one.refund({ ...refund, amount: 0.5 }, never), GatewayRefused);
    assert.deepEqual(
      ledger().map(({ key, refunded }) => [key, refunded]),
      [["k1", 0]],
    );
  });

  check("who does not wait gets no answer, and asks again with the same key", async ({ one, two, ledger }) => {
    const gone = AbortSignal.abort();
    await assert.rejects(one.charge(chargeRequest(), gone), GatewayUnavailable);
    const charged = await two.charge(chargeRequest(), never);
    assert.ok(charged.kind === "charged");
    const refund = { key: "r1", chargeId: charged.chargeId, amount: 500, currency: "EUR" };
    await assert.rejects(one.refund(refund, gone), GatewayUnavailable);
    await two.refund(refund, never);
    assert.deepEqual(
      ledger().map(({ charged: amount, refunded }) => [amount, refunded]),
      [[500, 500]],
    );
  });

  check("one that begins later knows everything", async ({ one, two, open, ledger }) => {
    const requests = ["card_ok", "card_declined"].map((method) => chargeRequest({ key: method, method }));
    const before = await Promise.all(requests.map((request) => one.charge(request, never)));
    const [charged] = before;
    assert.ok(charged?.kind === "charged");
    const refund = { key: "r1", chargeId: charged.chargeId, amount: 200, currency: "EUR" };
    const refunded = await one.refund(refund, never);
    const down = chargeRequest({ key: "down", method: "card_down" });
    await assert.rejects(one.charge(down, never), GatewayUnavailable);
    await Promise.all([one, two].map((gateway) => gateway[Symbol.asyncDispose]()));
    const later = await open();
    assert.deepEqual(await Promise.all(requests.map((request) => later.charge(request, never))), before);
    assert.deepEqual(await later.refund(refund, never), refunded);
    await assert.rejects(later.refund({ ...refund, key: "r2", amount: 301 }, never), GatewayRefused);
    for (let time = 2; time <= 3; time += 1) await assert.rejects(later.charge(down, never), GatewayUnavailable);
    assert.equal((await later.charge(down, never)).kind, "charged");
    assert.equal(ledger().length, 3);
  });
}
