import type { CompiledQuery, DialectAdapter, QueryExecutor } from "kysely";
import { isUnsafeInteger } from "./safe-integers.ts";

/** Stands for a value while a statement is built. */
class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** What came of a statement: rows of a query, or of `returning`; how many rows were written. */
export interface Ran<Row> {
  readonly rows: readonly Row[];
  readonly changes: number;
}

/**
 * A statement that is built and compiled at its first use and only run from then on, for the few where a tenth of the time counts. `build` sees placeholders
 * instead of values: it names each value that the statement needs, and decides nothing by them. An absent value is written as null.
 */
export function prepared<Db extends { getExecutor(): QueryExecutor }, Given extends object, Row>(
  build: (db: Db, given: Given) => { compile(): CompiledQuery<Row> },
): (db: Db, given: Given) => Promise<Ran<Row>> {
  const compiled = new WeakMap<DialectAdapter, CompiledQuery<Row>>();
  return async (db, given) => {
    const executor = db.getExecutor();
    let query = compiled.get(executor.adapter);
    if (query === undefined) {
      // Proof: `build` hands on what it is given to Kysely, for which any object is a value.
      query = build(db, new Proxy({}, { get: (_, name) => new Placeholder(String(name)) }) as Given).compile();
      compiled.set(executor.adapter, query);
    }
    const parameters = query.parameters.map((each): unknown =>
      each instanceof Placeholder ? Reflect.get(given, each.name) : each,
    );
    // Built with the values themselves, so that the column can be named.
    const ready = parameters.some(isUnsafeInteger) ? build(db, given).compile() : { ...query, parameters };
    const { rows, numAffectedRows } = await executor.executeQuery<Row>(ready);
    return { rows, changes: Number(numAffectedRows ?? 0) };
  };
}
