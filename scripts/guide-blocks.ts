// What a guide tells its reader to do: its fenced blocks, by the words behind the language.

export interface Block {
  /** Of its opening fence, from 1. */
  readonly line: number;
  readonly kind: "file" | "run" | "terminal" | "output";
  /** Of a file: where it goes. */
  readonly path: string;
  readonly text: string;
}

/** Languages whose blocks somebody could believe in: each says what becomes of it. */
const active = new Set(["ts", "js", "json", "sh"]);

function kindOf(language: string, words: readonly string[]): Block["kind"] | "ignored" | undefined {
  if (words.some((word) => word.startsWith("file="))) return "file";
  if (language === "text" && words.includes("output")) return "output";
  if (language === "sh" && words.includes("run")) return "run";
  if (language === "sh" && words.includes("terminal")) return "terminal";
  // `check` is of the platform's own examples; what cannot be tried here says so.
  if (words.includes("check") || words.includes("unchecked") || !active.has(language)) return "ignored";
  return undefined;
}

/** The blocks that are followed, in order; `faults` names those that do not say what becomes of them. */
export function blocksOf(page: string): { readonly blocks: readonly Block[]; readonly faults: readonly string[] } {
  const blocks: Block[] = [];
  const faults: string[] = [];
  for (const { index, 2: info = "", 3: text = "" } of page.matchAll(/^(`{3,})([^\n]*)\n([^]*?)^\1[ \t]*$/gm)) {
    const line = page.slice(0, index).split("\n").length;
    const [language = "", ...words] = info.trim().split(/\s+/);
    const kind = kindOf(language, words);
    const before = blocks.at(-1)?.kind;
    if (kind === undefined)
      faults.push(
        `${String(line)}: a block of ${language} says what becomes of it: file=<path>, run, terminal, unchecked`,
      );
    else if (kind === "output" && before !== "run" && before !== "terminal")
      faults.push(`${String(line)}: nothing was run of which this could be the output`);
    else if (kind !== "ignored")
      blocks.push({ line, kind, path: words.find((word) => word.startsWith("file="))?.slice(5) ?? "", text });
  }
  return { blocks, faults };
}

/**
 * The first line that was promised and not printed. Lines are looked for one after another, each within one printed line; `…` in a line stands for
 * anything, on a line of its own for any lines.
 */
export function unprinted(promised: string, printed: string): string | undefined {
  const lines = printed.split("\n");
  let [at, column] = [0, 0];
  for (const line of promised.split("\n").map((each) => each.trim())) {
    if (line === "" || line === "…") continue;
    const parts = line.split("…");
    let end = endOf(parts, lines[at] ?? "", column);
    while (end === undefined && at < lines.length) {
      at += 1;
      end = endOf(parts, lines[at] ?? "", 0);
    }
    if (end === undefined) return line;
    column = end;
  }
  return undefined;
}

/** Where these parts end in the text, found one after another from the column on. */
function endOf(parts: readonly string[], text: string, column: number): number | undefined {
  let at = column;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return undefined;
    at = found + part.length;
  }
  return at;
}
