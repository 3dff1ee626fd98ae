import { Type as t, type TSchema } from "typebox";
import { kitProblems } from "./kit-problems.ts";

/** The query of a list, to be spread into it. */
export const pageQuery = {
  cursor: t.Optional(t.String({ minLength: 1, maxLength: 500, description: "`next` of the page before" })),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: 100, default: 20, description: "Items a page, 20 by default" })),
};

/** A reply with a page of items; `next` is absent on the last one. */
export const page = <S extends TSchema>(item: S) => t.Object({ items: t.Array(item), next: t.Optional(t.String()) });

export interface PageSource<Item, Position extends string | number> {
  /** Up to `limit` items after a position, or the first ones. */
  readonly read: (after: Position | undefined, limit: number) => Promise<readonly Item[]>;
  /** Where an item stands in the order of the list. */
  readonly cursor: (item: Item) => Position;
}

/** Reads one page; a cursor that this list did not make is refused with `kit/invalid-request`. */
export async function pageOf<Item, Position extends string | number>(
  { cursor, limit = 20 }: { readonly cursor?: string; readonly limit?: number },
  source: PageSource<Item, Position>,
): Promise<{ items: Item[]; next?: string }> {
  const rows = await source.read(cursor === undefined ? undefined : decode<Position>(cursor), limit + 1);
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items };
  return { items, next: Buffer.from(JSON.stringify(source.cursor(last))).toString("base64url") };
}

function decode<Position extends string | number>(cursor: string): Position {
  try {
    const position: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    // Proof: a cursor is opaque; a position of the other type selects nothing that the caller could not read anyway.
    if (typeof position === "number" || typeof position === "string") return position as Position;
  } catch {
    // Fall through to the refusal.
  }
  throw kitProblems.invalidRequest({
    errors: [{ in: "query", field: "/cursor", rule: "cursor", message: "is not a cursor of this list" }],
  });
}
