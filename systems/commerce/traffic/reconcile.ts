import type { Reconciliation } from "holdfast/testing";
import { deliveries } from "../../notifications/mail/captured.ts";
import { mailFile } from "../../notifications/mail/index.ts";
import { gatewayFile } from "../../payment-gateway/index.ts";
import { ledger } from "../../payment-gateway/ledger.ts";
import { read } from "./ledger.ts";
import { Stores } from "./stores.ts";

export interface ShopCount {
  readonly customers: number;
  readonly accepted: number;
  readonly confirmed: number;
  readonly rejected: number;
  readonly refused: number;
  /** Orders that the client has an answer for and the shop does not, or has not decided. */
  readonly lost: number;
  /** Orders, charges or mails that are there twice. */
  readonly doubled: number;
  readonly mails: number;
  /** Mails that were handed over more than once, under one Message-ID: SMTP has no key that a server knows. */
  readonly repeated: number;
  readonly strangers: number;
}
export interface ShopReconciliation extends Reconciliation {
  readonly count: ShopCount;
}

/**
 * The client's ledger against every service's store, the log, the payment gateway's book and the mail. `alone`: nobody else has used the platform, so
 * that whatever the ledger does not know is one too many.
 */
export function reconcile(data: string, { alone = true } = {}): Promise<ShopReconciliation> {
  using stores = new Stores(data);
  return Promise.resolve(compare(data, stores, alone));
}

function compare(data: string, stores: Stores, alone: boolean): ShopReconciliation {
  const { requests, contradictions } = read(data);
  const violations = [...contradictions];
  const say = (what: string, wrong: readonly string[]) => {
    if (wrong.length > 0) violations.push(`${what}: ${String(wrong.length)}, such as ${wrong[0] ?? ""}`);
  };
  const acked: Record<"customer" | "order", string[]> = { customer: [], order: [] };
  let refused = 0;
  for (const [key, { what, answer }] of requests) {
    if (answer === undefined) violations.push(`The request ${key} never got an answer.`);
    else if (what === "nonsense" ? answer.status < 400 : answer.status !== 201 && answer.code !== "orders/out-of-stock")
      violations.push(`The request ${key} was answered with ${String(answer.status)} ${answer.code}.`);
    else if (answer.status === 201 && what !== "nonsense") acked[what].push(answer.id);
    else refused += 1;
  }
  let lost = 0;
  let doubled = 0;
  const equal = (what: string, expected: readonly string[], found: readonly string[], exactly = true) => {
    const times = new Map<string, number>();
    for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
    const wanted = new Set(expected);
    const missing = [...wanted].filter((id) => !times.has(id));
    const twice = [...times].flatMap(([id, count]) => (count > 1 ? [id] : []));
    lost += missing.length;
    doubled += twice.length;
    say(`lost ${what}`, missing);
    say(`doubled ${what}`, twice);
    if (!exactly) return;
    say(
      `never asked for: ${what}`,
      [...times.keys()].filter((id) => !wanted.has(id)),
    );
  };
  const published = (type: string) =>
    stores
      .column("broker", `SELECT DISTINCT "key" || ' ' || "messageId" FROM log WHERE type = '${type}' AND version = 1`)
      .map((text) => text.split(" ")[0] ?? "");

  equal("customers", acked.customer, stores.column("customers", `SELECT "customerId" FROM customers`), alone);
  equal("customer.created", acked.customer, published("customer.created"), alone);
  equal(
    "customers that orders knows",
    acked.customer,
    stores.column("orders", `SELECT "customerId" FROM "knownCustomers"`),
    alone,
  );
  const orders = new Map(
    stores.rows("orders", `SELECT "orderId", status, amount, lines FROM orders`).map((row) => [
      String(row["orderId"]),
      {
        status: String(row["status"]),
        amount: Number(row["amount"]),
        lines: linesOf(row["lines"]),
      },
    ]),
  );
  const of = (status: string) => [...orders].flatMap(([id, order]) => (order.status === status ? [id] : []));
  equal("orders", acked.order, stores.column("orders", `SELECT "orderId" FROM orders`), alone);
  equal("order.created", [...orders.keys()], published("order.created"));
  equal("order.confirmed", of("confirmed"), published("order.confirmed"));
  equal("order.rejected", of("rejected"), published("order.rejected"));
  lost += of("pending").length;
  say("lost: orders that nobody has decided", of("pending"));
  say(
    "unbalanced: customers whose count is not that of their orders",
    stores.column(
      "orders",
      `SELECT k."customerId" FROM "knownCustomers" k LEFT JOIN orders o ON o."customerId" = k."customerId" GROUP BY k."customerId", k.orders HAVING count(o."orderId") <> k.orders OR coalesce(max(o.number), 0) <> k.orders`,
    ),
  );

  const settledAs: Readonly<Record<string, readonly string[]>> = {
    confirmed: ["paid"],
    rejected: ["failed", "void", "refunded"],
  };
  const invoices = stores.rows("billing", `SELECT "orderId", state FROM invoices`);
  equal(
    "invoices",
    [...orders.keys()],
    invoices.map((row) => String(row["orderId"])),
  );
  say(
    "unbalanced: invoices that do not stand as their orders do",
    invoices.flatMap(({ orderId, state }) =>
      (settledAs[orders.get(String(orderId))?.status ?? ""] ?? []).includes(String(state))
        ? []
        : [`${String(orderId)}: ${String(state)}`],
    ),
  );
  const books = new Map<string, { charges: number; kept: number }>();
  for (const { reference, chargeId, charged, refunded } of ledger(gatewayFile(data))) {
    const book = books.get(reference) ?? { charges: 0, kept: 0 };
    books.set(reference, {
      charges: book.charges + (chargeId === undefined ? 0 : 1),
      kept: book.kept + charged - refunded,
    });
  }
  const charged = [...books].flatMap(([id, { charges }]) => (charges > 1 ? [id] : []));
  doubled += charged.length;
  say("doubled charges", charged);
  say(
    "unbalanced: money that is not where it belongs",
    [...new Set([...orders.keys(), ...books.keys()])].filter((id) => {
      const order = orders.get(id);
      return (books.get(id)?.kept ?? 0) !== (order?.status === "confirmed" ? order.amount : 0);
    }),
  );

  const reservations = stores.documents("inventory", "reservations");
  const promised = new Map<string, number>();
  for (const [id, { state, held, owned }] of reservations) {
    const lines = held as readonly Line[]; // Proof: written by inventory against its schema.
    for (const { sku, quantity } of lines) promised.set(sku, (promised.get(sku) ?? 0) + quantity);
    const order = orders.get(id);
    if (order?.status === "confirmed" && (state !== "reserved" || sum(lines) !== sum(order.lines)))
      violations.push(`unbalanced: the order ${id} is confirmed, and its reservation is ${String(state)}.`);
    if (order?.status === "rejected" && (lines.length > 0 || state !== "released"))
      violations.push(`unbalanced: the order ${id} is rejected, and its reservation is ${String(state)}.`);
    // One that nobody took over goes by itself when its time is over.
    if (order === undefined && owned === true) violations.push(`never asked for: the reservation ${id}`);
  }
  for (const [sku, { quantity, reserved }] of stores.documents("inventory", "stock")) {
    if (Number(reserved) !== (promised.get(sku) ?? 0))
      violations.push(
        `unbalanced: ${String(reserved)} of ${sku} are counted as reserved, ${String(promised.get(sku) ?? 0)} are.`,
      );
    if (Number(reserved) > Number(quantity)) violations.push(`oversold: ${sku}`);
  }
  const crossings = [...stores.documents("inventory", "stock").values()].reduce(
    (total, item) => total + Number(item["crossings"]),
    0,
  );
  if (published("low.stock").length !== crossings)
    violations.push(
      `low.stock was published ${String(published("low.stock").length)} times for ${String(crossings)} crossings.`,
    );

  const mails = deliveries(mailFile(data)).map(({ messageId }) => messageId);
  const sent = [...stores.documents("notifications", "notifications")].flatMap(([id, { state }]) =>
    state === "sent" ? [`<${id}@holdfast>`] : [`${String(state)}: ${id}`],
  );
  const distinct = [...new Set(mails)];
  equal("mails", sent, distinct);
  equal(
    "order-confirmed and order-rejected mails",
    [...of("confirmed"), ...of("rejected")],
    [...stores.documents("notifications", "notifications").values()].flatMap(({ kind, about }) =>
      kind === "order-confirmed" || kind === "order-rejected" ? [String(about)] : [],
    ),
  );

  const strangers = stores.column("broker", `SELECT "messageId" FROM log WHERE source = '/strangers'`);
  equal(
    "strangers among the dead letters",
    strangers,
    stores.column(
      "orders",
      `SELECT "messageId" FROM holdfast_dead_letters WHERE source = '/strangers' AND state = 'dead'`,
    ),
  );
  for (const name of ["customers", "orders", "billing"]) {
    const waiting = `SELECT count(*) FROM holdfast_parked WHERE NOT (attempts = 0 AND "nextAt" > ${String(Date.now())})`;
    leftOver(
      violations,
      name,
      stores.number(name, "SELECT count(*) FROM holdfast_outbox"),
      stores.number(name, waiting),
    );
    say(
      `dead letters of ${name}`,
      stores.column(
        name,
        "SELECT subscription || ' ' || error FROM holdfast_dead_letters WHERE source <> '/strangers'",
      ),
    );
  }
  for (const name of ["inventory", "notifications"]) {
    const waiting = [...stores.documents(name, "holdfast_parked").values()].filter(
      ({ attempts, nextAt }) => !(attempts === 0 && Number(nextAt) > Date.now()),
    );
    leftOver(violations, name, stores.number(name, "SELECT count(*) FROM holdfast_outbox"), waiting.length);
    say(
      `dead letters of ${name}`,
      [...stores.documents(name, "holdfast_dead_letters").values()].map(
        ({ subscription, error }) => `${String(subscription)} ${String(error)}`,
      ),
    );
  }
  const count: ShopCount = {
    customers: acked.customer.length,
    accepted: acked.order.length,
    confirmed: of("confirmed").length,
    rejected: of("rejected").length,
    refused,
    lost,
    doubled,
    mails: distinct.length,
    repeated: mails.length - distinct.length,
    strangers: strangers.length,
  };
  const compared = `${String(count.customers)} customers, ${String(count.accepted)} orders (${String(count.confirmed)} confirmed, ${String(count.rejected)} rejected), ${String(count.mails)} mails, ${String(count.strangers)} strangers`;
  return { compared, violations, count };
}

interface Line {
  readonly sku: string;
  readonly quantity: number;
}
/** Proof: written by orders as JSON of its lines. */
const linesOf = (json: unknown): Line[] => JSON.parse(String(json)) as Line[]; // Proof: see above.
const sum = (lines: readonly Line[]): number => lines.reduce((total, { quantity }) => total + quantity, 0);

function leftOver(violations: string[], name: string, outbox: number, parked: number): void {
  if (outbox > 0) violations.push(`${String(outbox)} messages are left in the outbox of ${name}`);
  if (parked > 0) violations.push(`${String(parked)} messages are left parked in ${name}`);
}
