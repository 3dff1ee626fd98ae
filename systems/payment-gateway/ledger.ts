import { DatabaseSync } from "node:sqlite";

export interface LedgerEntry {
  readonly reference: string;
  readonly key: string;
  readonly chargeId: string | undefined;
  readonly charged: number;
  readonly refunded: number;
  readonly currency: string;
}

/** Every charge that the embedded gateway knows of, declined ones included, with what was given back of it. Opens the file read-only. */
export function ledger(file: string): readonly LedgerEntry[] {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    return db
      .prepare(
        "SELECT c.reference, c.key, c.chargeId, CASE WHEN c.chargeId IS NULL THEN 0 ELSE c.amount END AS charged, coalesce((SELECT sum(r.amount) FROM refunds r WHERE r.chargeId = c.chargeId), 0) AS refunded, c.currency FROM charges c ORDER BY c.at, c.key",
      )
      .all()
      .map((row) => ({
        reference: String(row["reference"]),
        key: String(row["key"]),
        chargeId: typeof row["chargeId"] === "string" ? row["chargeId"] : undefined,
        charged: Number(row["charged"]),
        refunded: Number(row["refunded"]),
        currency: String(row["currency"]),
      }));
  } finally {
    db.close();
  }
}
