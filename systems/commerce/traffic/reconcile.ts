import { twin, type Evidence, type SystemCheck, type SystemFindings } from "../../traffic/reconcile.ts";
import type { Stores } from "../../traffic/stores.ts";

/** The shop's part: every order decided, stock and money where they belong, everybody told. */
export const shopCheck: SystemCheck = {
  name: "commerce",
  tables: ["customers", "orders", "billing"],
  documents: ["inventory", "notifications"],
  strangers: "customer.created",
  strangersIn: "orders",
  gatewayOf: "HOLDFAST_BILLING_GATEWAY",
  planted: {
    lost: { store: "orders", sql: `DELETE FROM orders WHERE "orderId" = (SELECT "orderId" FROM orders LIMIT 1)` },
    doubled: { store: "broker", sql: twin("order.created") },
    unbalanced: {
      store: "orders",
      sql: `UPDATE "knownCustomers" SET orders = orders + 1 WHERE "customerId" = (SELECT "customerId" FROM "knownCustomers" LIMIT 1)`,
    },
  },
  compare(evidence) {
    const { customers, accepted } = acknowledged(evidence);
    const orders = ordersOf(evidence.stores);
    checkCustomers(evidence, customers);
    checkOrders(evidence, accepted, orders);
    checkMoney(evidence, orders);
    checkStock(evidence, orders);
    const addresses = addressesOf(evidence.stores);
    const [confirmed, rejected] = [idsOf(orders, "confirmed"), idsOf(orders, "rejected")];
    evidence.findings.equal(
      "order-confirmed and order-rejected mails",
      [...confirmed, ...rejected].map((id) => `${id} ${addresses.get(orders.get(id)?.customerId ?? "") ?? ""}`),
      [...evidence.told("order-confirmed"), ...evidence.told("order-rejected")],
    );
    return {
      compared: `${String(customers.length)} customers, ${String(accepted.length)} orders (${String(confirmed.length)} confirmed, ${String(rejected.length)} rejected: ${reasonsOf(evidence.stores)})`,
      accepted: accepted.length,
      references: orders.keys(),
    } satisfies SystemFindings;
  },
};

interface Line {
  readonly sku: string;
  readonly quantity: number;
}
interface Order {
  readonly customerId: string;
  readonly status: string;
  readonly amount: number;
  readonly lines: readonly Line[];
}
type Orders = ReadonlyMap<string, Order>;

const idsOf = (orders: Orders, status: string): string[] =>
  [...orders].flatMap(([id, order]) => (order.status === status ? [id] : []));
/** Proof: written by orders as JSON of its lines. */
const linesOf = (json: unknown): Line[] => JSON.parse(String(json)) as Line[]; // Proof: see above.
const sum = (lines: readonly Line[]): number => lines.reduce((total, { quantity }) => total + quantity, 0);

/** How often which. */
function reasonsOf(stores: Stores): string {
  const rows = stores.rows(
    "orders",
    `SELECT substr(reason, 1, instr(reason || ':', ':') - 1) AS why, count(*) AS times FROM orders WHERE status = 'rejected' GROUP BY why ORDER BY times DESC`,
  );
  return rows.map(({ why, times }) => `${String(why)} ${String(times)}`).join(", ");
}

function ordersOf(stores: Stores): Orders {
  const rows = stores.rows("orders", `SELECT "orderId", "customerId", status, amount, lines FROM orders`);
  return new Map(
    rows.map(({ orderId, customerId, status, amount, lines }) => [
      String(orderId),
      { customerId: String(customerId), status: String(status), amount: Number(amount), lines: linesOf(lines) },
    ]),
  );
}

const addressesOf = (stores: Stores): ReadonlyMap<string, string> =>
  new Map(
    stores
      .rows("customers", `SELECT "customerId", email FROM customers`)
      .map(({ customerId, email }) => [String(customerId), String(email)]),
  );

/** What the clients were told is there; an answer that nobody should get is a violation. */
function acknowledged({ answered, findings }: Evidence): {
  readonly customers: readonly string[];
  readonly accepted: readonly string[];
} {
  const of = (what: "customer" | "order", mayBe: string) =>
    answered(what).flatMap(({ key, status, id, code }) => {
      if (status === 201) return [id];
      if (code !== mayBe) findings.violations.push(`The request ${key} was answered with ${String(status)} ${code}.`);
      return [];
    });
  return { customers: of("customer", ""), accepted: of("order", "orders/out-of-stock") };
}

function checkCustomers({ stores, findings, published, alone }: Evidence, customers: readonly string[]): void {
  findings.equal("customers", customers, stores.column("customers", `SELECT "customerId" FROM customers`), alone);
  findings.equal("customer.created", customers, published("customer.created"), alone);
  findings.equal(
    "customers that orders knows",
    customers,
    stores.column("orders", `SELECT "customerId" FROM "knownCustomers"`),
    alone,
  );
  findings.say(
    "unbalanced: customers whose count is not that of their orders",
    stores.column(
      "orders",
      `SELECT k."customerId" FROM "knownCustomers" k LEFT JOIN orders o ON o."customerId" = k."customerId" GROUP BY k."customerId", k.orders HAVING count(o."orderId") <> k.orders OR coalesce(max(o.number), 0) <> k.orders`,
    ),
  );
}

function checkOrders({ findings, published, alone }: Evidence, accepted: readonly string[], orders: Orders): void {
  findings.equal("orders", accepted, [...orders.keys()], alone);
  findings.equal("order.created", orders.keys(), published("order.created"));
  findings.equal("order.confirmed", idsOf(orders, "confirmed"), published("order.confirmed"));
  findings.equal("order.rejected", idsOf(orders, "rejected"), published("order.rejected"));
  findings.losing("orders that nobody has decided", idsOf(orders, "pending"));
}

const settledAs: Readonly<Record<string, readonly string[]>> = {
  confirmed: ["paid"],
  rejected: ["failed", "void", "refunded"],
};

function checkMoney({ stores, findings, books }: Evidence, orders: Orders): void {
  const invoices = stores.rows("billing", `SELECT "orderId", state FROM invoices`);
  findings.equal(
    "invoices",
    orders.keys(),
    invoices.map((row) => String(row["orderId"])),
  );
  findings.say(
    "unbalanced: invoices that do not stand as their orders do",
    invoices.flatMap(({ orderId, state }) =>
      (settledAs[orders.get(String(orderId))?.status ?? ""] ?? []).includes(String(state))
        ? []
        : [`${String(orderId)}: ${String(state)}`],
    ),
  );
  findings.say(
    "unbalanced: money that is not where it belongs",
    [...orders].flatMap(([id, { status, amount }]) =>
      (books.get(id)?.kept ?? 0) === (status === "confirmed" ? amount : 0) ? [] : [id],
    ),
  );
}

function checkStock({ stores, findings, published }: Evidence, orders: Orders): void {
  const { violations } = findings;
  const promised = new Map<string, number>();
  for (const [id, { state, held, owned }] of stores.documents("inventory", "reservations")) {
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
  let crossings = 0;
  for (const [sku, { quantity, reserved, crossings: own }] of stores.documents("inventory", "stock")) {
    crossings += Number(own);
    if (Number(reserved) !== (promised.get(sku) ?? 0))
      violations.push(
        `unbalanced: ${String(reserved)} of ${sku} are counted as reserved, ${String(promised.get(sku) ?? 0)} are.`,
      );
    if (Number(reserved) > Number(quantity)) violations.push(`oversold: ${sku}`);
  }
  const low = published("low.stock").length;
  if (low !== crossings)
    violations.push(`low.stock was published ${String(low)} times for ${String(crossings)} crossings.`);
}
