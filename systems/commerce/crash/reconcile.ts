import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Reconciliation } from "holdfast/testing";
import { read } from "./ledger.ts";

type Rows = readonly Readonly<Record<string, unknown>>[];

/** The client's ledger against customers, orders, the log and the dead letters, each read through a read-only connection. */
export function reconcile(data: string): Promise<Reconciliation> {
  const open: DatabaseSync[] = [];
  const rows = (name: string, sql: string): Rows => {
    const db = new DatabaseSync(path.join(data, `${name}.db`), { readOnly: true, timeout: 2_000 });
    open.push(db);
    return db.prepare(sql).all();
  };
  try {
    return Promise.resolve(compare(data, rows));
  } finally {
    for (const db of open) db.close();
  }
}

function compare(data: string, rows: (name: string, sql: string) => Rows): Reconciliation {
  const { requests, contradictions } = read(data);
  const violations = [...contradictions];
  const column = (name: string, sql: string) => rows(name, sql).map((row) => String(Object.values(row)[0]));
  const places = {
    customers: column("customers", `SELECT "customerId" FROM customers`),
    known: column("orders", `SELECT "customerId" FROM "knownCustomers"`),
    orders: column("orders", `SELECT "orderId" FROM orders`),
    joined: column(
      "broker",
      `SELECT DISTINCT "key" || ' ' || "messageId" FROM log WHERE type = 'customer.created' AND version = 1`,
    ).map(firstWord),
    placed: column("broker", `SELECT DISTINCT "key" || ' ' || "messageId" FROM log WHERE type = 'order.created'`).map(
      firstWord,
    ),
  };
  const acked: Readonly<Record<"customer" | "order", string[]>> = { customer: [], order: [] };
  for (const [key, { what, id }] of requests) {
    if (id === undefined) violations.push(`The request ${key} never got an answer.`);
    else acked[what].push(id);
  }
  const equal = (what: string, expected: readonly string[], found: readonly string[]) => {
    const times = new Map<string, number>();
    for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
    const lost = expected.filter((id) => !times.has(id));
    const doubled = [...times].filter(([, count]) => count > 1);
    const wanted = new Set(expected);
    const unasked = [...times.keys()].filter((id) => !wanted.has(id));
    if (lost.length > 0) violations.push(`lost: ${String(lost.length)} of ${what}, such as ${lost[0] ?? ""}`);
    if (doubled.length > 0)
      violations.push(`doubled: ${String(doubled.length)} of ${what}, such as ${doubled[0]?.[0] ?? ""}`);
    if (unasked.length > 0)
      violations.push(`never asked for: ${String(unasked.length)} of ${what}, such as ${unasked[0] ?? ""}`);
  };
  equal("customers", acked.customer, places.customers);
  equal("customer.created", acked.customer, places.joined);
  equal("customers that orders knows", acked.customer, places.known);
  equal("orders", acked.order, places.orders);
  equal("order.created", acked.order, places.placed);
  const unbalanced = rows(
    "orders",
    `SELECT k."customerId" AS id FROM "knownCustomers" k LEFT JOIN orders o ON o."customerId" = k."customerId" GROUP BY k."customerId", k.orders HAVING count(o."orderId") <> k.orders OR coalesce(max(o.number), 0) <> k.orders`,
  );
  if (unbalanced.length > 0)
    violations.push(
      `unbalanced: ${String(unbalanced.length)} customers whose count is not that of their orders, such as ${String(unbalanced[0]?.["id"])}`,
    );
  const strangers = column("broker", `SELECT "messageId" FROM log WHERE source = '/strangers'`);
  equal(
    "strangers among the dead letters",
    strangers,
    column("orders", `SELECT "messageId" FROM holdfast_dead_letters WHERE source = '/strangers' AND state = 'dead'`),
  );
  for (const name of ["customers", "orders"]) {
    for (const table of ["holdfast_outbox", "holdfast_parked"]) {
      const left = Number(column(name, `SELECT count(*) FROM ${table}`)[0]);
      if (left > 0) violations.push(`${String(left)} rows are left in ${table} of ${name}`);
    }
  }
  const compared = `${String(acked.customer.length)} customers, ${String(acked.order.length)} orders, ${String(strangers.length)} strangers`;
  return { compared, violations };
}

const firstWord = (text: string): string => text.split(" ")[0] ?? "";
