import type { SQLOutputValue } from "node:sqlite";
import type { Runtime } from "holdfast/runtime";
import { isUnwritable, sqliteFile } from "holdfast/sql";
import {
  checkCharge,
  checkRefund,
  GatewayRefused,
  GatewayUnavailable,
  type ChargeOutcome,
  type ChargeRequest,
  type PaymentGateway,
  type RefundRequest,
} from "./port.ts";

export interface EmbeddedGatewayOptions {
  /** A file of its own: what the gateway knows does not depend on who asks. Several processes may use it. */
  readonly file: string;
  readonly runtime: Runtime;
}

const slowMs = 2_000;
/** Times that `card_down` gives no answer. */
const downs = 3;

type Row = Record<string, SQLOutputValue>;

/** A payment gateway for development and tests: durable, idempotent by key, and as unreliable as its test methods say. */
export function embeddedGateway({ file, runtime }: EmbeddedGatewayOptions): PaymentGateway {
  const own = sqliteFile({ file, runtime, tables });
  const { db } = own;
  const { timers, clock, ids } = runtime;

  /** One transaction. */
  const write = async <T>(work: () => T): Promise<T> => {
    try {
      return await own.write(work);
    } catch (error) {
      throw isUnwritable(error) ? new GatewayUnavailable("its file cannot be written.", { cause: error }) : error;
    }
  };

  const charge = (request: ChargeRequest): { readonly row: Row; readonly asked: number } => {
    const { key, amount, currency, method, reference } = request;
    db.prepare("UPDATE charges SET asked = asked + 1 WHERE key = ?").run(key);
    const known = db.prepare("SELECT * FROM charges WHERE key = ?").get(key);
    if (known !== undefined) {
      if (known["amount"] !== amount || known["currency"] !== currency || known["method"] !== method)
        throw new GatewayRefused(`the key ${key} was used for another charge.`);
      return { row: known, asked: Number(known["asked"]) };
    }
    const reason = declined(method);
    db.prepare(
      "INSERT INTO charges (key, chargeId, amount, currency, method, reference, reason, at, asked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
    ).run(
      key,
      reason === undefined ? `ch_${ids.uuidv7()}` : null,
      amount,
      currency,
      method,
      reference,
      reason ?? null,
      Math.floor(clock.now()),
    );
    const row = db.prepare("SELECT * FROM charges WHERE key = ?").get(key);
    if (row === undefined) throw new Error("A charge is gone that was just written.");
    return { row, asked: 1 };
  };

  /** Attempts that come to nothing leave a trace, so that a restart does not begin to count anew. */
  const down = (key: string): number => {
    db.prepare("INSERT INTO outages (key, asked) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET asked = asked + 1").run(
      key,
    );
    return Number(db.prepare("SELECT asked FROM outages WHERE key = ?").get(key)?.["asked"]);
  };

  return {
    async charge(request, signal) {
      checkCharge(request);
      if (request.method === "card_slow") await timers.sleep(slowMs, signal);
      if (signal.aborted) throw new GatewayUnavailable("it was not waited for.");
      if (request.method === "card_down" && (await write(() => down(request.key))) <= downs)
        throw new GatewayUnavailable("it is down.");
      const { row, asked } = await write(() => charge(request));
      if (asked === 1 && request.method.endsWith("_answer_lost"))
        throw new GatewayUnavailable("the connection was lost before its answer came.");
      return outcomeOf(row);
    },
    async refund(request, signal) {
      const { key, chargeId, amount, currency }: RefundRequest = checkRefund(request);
      if (signal.aborted) throw new GatewayUnavailable("it was not waited for.");
      return write(() => {
        const known = db.prepare("SELECT * FROM refunds WHERE key = ?").get(key);
        if (known !== undefined) {
          if (known["chargeId"] !== chargeId || known["amount"] !== amount || known["currency"] !== currency)
            throw new GatewayRefused(`the key ${key} was used for another refund.`);
          return { refundId: String(known["refundId"]) };
        }
        const charged = db.prepare("SELECT amount, currency FROM charges WHERE chargeId = ?").get(chargeId);
        if (charged === undefined) throw new GatewayRefused(`there is no charge ${chargeId}.`);
        const given = db
          .prepare("SELECT coalesce(sum(amount), 0) AS sum FROM refunds WHERE chargeId = ?")
          .get(chargeId);
        if (charged["currency"] !== currency || Number(given?.["sum"]) + amount > Number(charged["amount"]))
          throw new GatewayRefused(`more would be given back than ${chargeId} has charged.`);
        const refundId = `re_${ids.uuidv7()}`;
        db.prepare("INSERT INTO refunds (key, refundId, chargeId, amount, currency, at) VALUES (?, ?, ?, ?, ?, ?)").run(
          key,
          refundId,
          chargeId,
          amount,
          currency,
          Math.floor(clock.now()),
        );
        return { refundId };
      });
    },
    [Symbol.asyncDispose]() {
      own.close();
      return Promise.resolve();
    },
  };
}

const tables = `
  CREATE TABLE IF NOT EXISTS charges (key TEXT PRIMARY KEY, chargeId TEXT UNIQUE, amount INTEGER NOT NULL, currency TEXT NOT NULL, method TEXT NOT NULL, reference TEXT NOT NULL, reason TEXT, at INTEGER NOT NULL, asked INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS charges_reference ON charges (reference);
  CREATE TABLE IF NOT EXISTS refunds (key TEXT PRIMARY KEY, refundId TEXT NOT NULL UNIQUE, chargeId TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, at INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS refunds_charge ON refunds (chargeId);
  CREATE TABLE IF NOT EXISTS outages (key TEXT PRIMARY KEY, asked INTEGER NOT NULL)`;

function declined(method: string): string | undefined {
  switch (method) {
    case "card_ok":
    case "card_slow":
    case "card_down":
    case "card_answer_lost":
      return undefined;
    case "card_declined":
    case "card_declined_answer_lost":
      return "the card was declined";
    case "card_insufficient_funds":
      return "the card has insufficient funds";
    default:
      return "the gateway does not know the payment method";
  }
}

const outcomeOf = ({ chargeId, reason }: Row): ChargeOutcome =>
  typeof chargeId === "string" ? { kind: "charged", chargeId } : { kind: "declined", reason: String(reason) };
