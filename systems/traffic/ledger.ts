import { appendFileSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** What a client did: each request is written here before it is sent, its definite answer when it came. */
export type Entry =
  | { readonly kind: "sent"; readonly key: string; readonly what: What }
  /** Its client was gone before the answer came, and nobody asks again. */
  | { readonly kind: "abandoned"; readonly key: string }
  | ({ readonly kind: "answered"; readonly key: string } & Answer);

/** What was asked for; `nonsense` can be nobody's to fulfil. */
export type What = "customer" | "order" | "registration" | "cancellation" | "nonsense";

export interface Answer {
  readonly status: number;
  /** Of what was made. */
  readonly id: string;
  /** Of the problem. */
  readonly code: string;
}

const file = (data: string): string => path.join(data, "ledger.jsonl");

export function write(data: string, entry: Entry): void {
  appendFileSync(file(data), `${JSON.stringify(entry)}\n`);
}

export interface Known {
  readonly what: What;
  /** Undefined while the client has no answer. */
  readonly answer: Answer | undefined;
  /** Nobody waits for an answer: what was asked for may have been done, or not. */
  readonly abandoned: boolean;
}

/** Before new clients begin: those of an earlier run that was broken off wait for nothing any more. */
export function abandon(data: string): void {
  for (const [key, { answer, abandoned }] of read(data).requests)
    if (answer === undefined && !abandoned) write(data, { kind: "abandoned", key });
}

/** By Idempotency-Key; two answers to one key that differ are told apart. */
export function read(data: string): {
  readonly requests: ReadonlyMap<string, Known>;
  readonly contradictions: readonly string[];
} {
  const requests = new Map<string, Known>();
  const contradictions: string[] = [];
  const text = existsSync(file(data)) ? readFileSync(file(data), "utf8") : "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    // Proof: written by `write` alone.
    const entry = JSON.parse(line) as Entry;
    const known = requests.get(entry.key);
    if (entry.kind === "sent") requests.set(entry.key, { what: entry.what, answer: known?.answer, abandoned: false });
    else if (known === undefined) contradictions.push(`The key ${entry.key} was answered and never sent.`);
    else if (entry.kind === "abandoned") requests.set(entry.key, { ...known, abandoned: true });
    else if (known.answer !== undefined && known.answer.id !== entry.id && known.answer.status < 300)
      contradictions.push(`The key ${entry.key} got two replies: ${known.answer.id} and ${entry.id}.`);
    else requests.set(entry.key, { ...known, answer: entry });
  }
  return { requests, contradictions };
}
