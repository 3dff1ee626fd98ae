import { hash } from "node:crypto";
import { Type as t, type TSchema } from "typebox";
import { parseExactJson } from "./json-text.ts";
import { kitProblems } from "./kit-problems.ts";
import { compile, findBadText } from "./validator.ts";
import type { Value } from "./value.ts";

const longestCursor = 2_000;

/** The query of a list, to be spread into it. */
export const pageQuery = {
  cursor: t.Optional(t.String({ minLength: 1, maxLength: longestCursor, description: "`next` of the page before" })),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: 100, default: 20, description: "Items a page, 20 by default" })),
};

/** A reply with a page of items; `next` is absent on the last one. */
export const page = <S extends TSchema>(item: S) => t.Object({ items: t.Array(item), next: t.Optional(t.String()) });

/** The order of a list, as its cursors hold it. */
export interface ListOrder<Position> {
  /** The cursor of the page behind a position. It belongs to this list with these filters. */
  write(position: Position, filters: Filters): string;
  /** Throws `kit/invalid-request` for every text that `write` does not give for the same filters. */
  read(cursor: string, filters: Filters): Position;
}
type Filters = Readonly<Record<string, unknown>>;

/**
 * Made once for each list, under a name that no other list of the service has. `position` says what places an item in the order: a whole number, a text,
 * or an object of several where one does not decide; at most about 1,400 bytes as JSON. Cursors are not secret and not signed: they give access to nothing
 * that the list would not show.
 */
export function listOrder<S extends TSchema>(list: string, position: S): ListOrder<Value<S>> {
  const { check } = compile(position, { open: false });
  const encoded = (of: unknown, filters: Filters): string =>
    Buffer.from(JSON.stringify([markOf(list, filters), of])).toString("base64url");
  return {
    write(of, filters) {
      const cursor = encoded(of, filters);
      if (cursor.length > longestCursor) throw new RangeError(`A position in ${list} is too long for a cursor.`);
      return cursor;
    },
    read(cursor, filters) {
      const content = contentOf(cursor);
      const of: unknown = Array.isArray(content) ? content[1] : undefined;
      // The same text, as many texts are the same base64 to a decoder.
      if (!check(of) || findBadText(of) !== undefined || encoded(of, filters) !== cursor)
        throw kitProblems.invalidRequest({
          errors: [{ in: "query", field: "/cursor", rule: "cursor", message: "is not a cursor of this list" }],
        });
      return of as Value<S>; // Proof: checked against the schema.
    },
  };
}

/** Tells the cursors of a list, with its filters, from those of all others. */
function markOf(list: string, filters: Filters): string {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  const sorted = given.toSorted(([one], [other]) => (one < other ? -1 : 1));
  return hash("sha256", JSON.stringify([list, sorted]), "base64url").slice(0, 16);
}

function contentOf(cursor: string): unknown {
  try {
    return parseExactJson(Buffer.from(cursor, "base64url").toString());
  } catch {
    return undefined;
  }
}

export interface PageSource<Item, Position> {
  readonly order: ListOrder<Position>;
  /** Up to `limit` items behind a position, or the first ones. */
  readonly read: (after: Position | undefined, limit: number) => Promise<readonly Item[]>;
  /** Where an item stands in the order of the list. */
  readonly position: (item: Item) => Position;
}

/**
 * Reads one page. All of the query beside `cursor` and `limit` are filters; what the list depends on besides, such as a parameter of the path, is added to
 * them. A cursor that this list did not make for the same filters is refused with `kit/invalid-request`.
 */
export async function pageOf<Item, Position>(
  { cursor, limit = 20, ...filters }: { readonly cursor?: string; readonly limit?: number },
  { order, read, position }: PageSource<Item, Position>,
): Promise<{ items: Item[]; next?: string }> {
  const rows = await read(cursor === undefined ? undefined : order.read(cursor, filters), limit + 1);
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items };
  return { items, next: order.write(position(last), filters) };
}
