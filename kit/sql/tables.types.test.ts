// Checked by the compiler: what a store accepts and gives. Nothing here runs.
import type { Insertable, Selectable, Updateable } from "kysely";
import { blob, boolean, identity, integer, json, table, text, timestamp, type Database, type Db } from "./tables.ts";

const tables = {
  orders: table(
    {
      seq: identity(),
      status: text<"open" | "done">().defaultTo("open"),
      total: integer(),
      paid: boolean().defaultTo(false),
      lines: json<readonly { readonly sku: string }[]>(),
      note: text().optional(),
      count: integer().optional().defaultTo(3),
      picture: blob().optional(),
      at: timestamp(),
    },
    { indexes: [{ on: ["status", "at"] }] },
  ),
  pairs: table({ left: text(), right: text() }, { primaryKey: ["left", "right"] }),
};
type Orders = Database<typeof tables>["orders"];
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(proof: T): T => proof;

export function selected(order: Selectable<Orders>): void {
  holds<Same<typeof order.seq, number>>(true);
  holds<Same<typeof order.status, "open" | "done">>(true);
  holds<Same<typeof order.paid, boolean>>(true);
  holds<Same<typeof order.lines, readonly { readonly sku: string }[]>>(true);
  holds<Same<typeof order.note, string | null>>(true);
  holds<Same<typeof order.count, number | null>>(true);
  holds<Same<typeof order.picture, Uint8Array | null>>(true);
}

export function inserted(): readonly Insertable<Orders>[] {
  const least: Insertable<Orders> = { total: 1, lines: [], at: 0 };
  return [
    least,
    { ...least, note: null, status: "done", paid: true, count: null, picture: new Uint8Array() },
    // @ts-expect-error -- the database numbers it
    { ...least, seq: 1 },
    // @ts-expect-error -- not one of the two
    { ...least, status: "lost" },
    // @ts-expect-error -- total has no default
    { lines: [], at: 0 },
    // @ts-expect-error -- not nullable
    { ...least, total: null },
    // @ts-expect-error -- another shape of JSON
    { ...least, lines: [{ name: "a" }] },
  ];
}

export function updated(): readonly Updateable<Orders>[] {
  return [
    { note: null },
    { status: "done" },
    // @ts-expect-error -- a number that was given stays
    { seq: 2 },
    // @ts-expect-error -- not nullable
    { total: null },
  ];
}

export async function queried(db: Db<typeof tables>): Promise<void> {
  const order = await db.selectFrom("orders").select(["note", "total"]).executeTakeFirstOrThrow();
  holds<Same<typeof order, { note: string | null; total: number }>>(true);
  // @ts-expect-error -- no such column
  await db.selectFrom("orders").select("nothing").execute();
  // @ts-expect-error -- no such table
  await db.selectFrom("nothing").selectAll().execute();
}

export function declared(): void {
  // @ts-expect-error -- an index on a column that is not there
  table({ a: text() }, { indexes: [{ on: ["b"] }] });
  // @ts-expect-error -- a key of a column that is not there
  table({ a: text() }, { primaryKey: ["b"] });
  // @ts-expect-error -- a default of another type
  integer().defaultTo("1");
  // @ts-expect-error -- not one of the two
  text<"a" | "b">().defaultTo("c");
  // @ts-expect-error -- bytes have no default
  blob().defaultTo(new Uint8Array());
  // @ts-expect-error -- nothing is what is there without a default
  text().optional().defaultTo(null);
}
