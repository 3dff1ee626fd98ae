import { appendFileSync, readFileSync } from "node:fs";
import path from "node:path";

/** What the client knows: each request is written here before it is sent, its answer when it came. */
export type Entry =
  | { readonly kind: "sent"; readonly key: string; readonly what: "customer" | "order"; readonly customerId?: string }
  | { readonly kind: "answered"; readonly key: string; readonly status: number; readonly id: string };

const file = (data: string): string => path.join(data, "ledger.jsonl");

export function write(data: string, entry: Entry): void {
  appendFileSync(file(data), `${JSON.stringify(entry)}\n`);
}

export interface Known {
  readonly what: "customer" | "order";
  readonly customerId: string | undefined;
  /** Undefined while the client has no answer. */
  readonly id: string | undefined;
}

/** By Idempotency-Key; two answers to one key that differ are told apart. */
export function read(data: string): {
  readonly requests: ReadonlyMap<string, Known>;
  readonly contradictions: readonly string[];
} {
  const requests = new Map<string, Known>();
  const contradictions: string[] = [];
  for (const line of readFileSync(file(data), "utf8").split("\n")) {
    if (line === "") continue;
    // Proof: written by `write` alone.
    const entry = JSON.parse(line) as Entry;
    if (entry.kind === "sent")
      requests.set(entry.key, { what: entry.what, customerId: entry.customerId, id: requests.get(entry.key)?.id });
    else {
      const known = requests.get(entry.key);
      if (known === undefined || entry.status !== 201)
        contradictions.push(`The request ${entry.key} was answered with ${String(entry.status)}.`);
      else if (known.id !== undefined && known.id !== entry.id)
        contradictions.push(`The key ${entry.key} got two replies: ${known.id} and ${entry.id}.`);
      else requests.set(entry.key, { ...known, id: entry.id });
    }
  }
  return { requests, contradictions };
}
