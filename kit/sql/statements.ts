import type { Insert } from "./engine.ts";

/** By SQL text; bounded, and cheap where it hits: what was not asked for since half of the places were filled anew goes. */
export class RecentlyUsed<T> {
  readonly #half: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(size: number) {
    this.#half = Math.ceil(size / 2);
  }

  get(sql: string): T | undefined {
    const young = this.#young.get(sql);
    if (young !== undefined) return young;
    const old = this.#old.get(sql);
    if (old !== undefined) this.set(sql, old);
    return old;
  }

  set(sql: string, value: T): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(sql, value);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** Of an insertion, on both engines. */
export const conflictClause = (onConflict: Insert["onConflict"]): string =>
  onConflict === undefined ? "" : ` ON CONFLICT ${onConflict === "nothing" ? "DO NOTHING" : onConflict}`;

export const badParameter = (value: unknown): TypeError =>
  new TypeError(`A parameter of a statement is of type ${typeof value}: give text, numbers, booleans, bytes or null.`);

/** Quoted text, quoted names and comments are passed over. */
const placeholder = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\/|\$\d+|\?/g;

/** `?` becomes `$1`, `$2`, …; a statement that has `$1` itself stays as it is. */
export function numbered(sql: string): string {
  let count = 0;
  let own = false;
  const text = sql.replace(placeholder, (found) => {
    if (found.startsWith("$")) own = true;
    return found === "?" ? `$${String((count += 1))}` : found;
  });
  return own ? sql : text;
}
