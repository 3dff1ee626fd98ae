// `node scripts/assertions.ts [files]`: an assertion (`x as T`) overrides the compiler, so a comment must prove it: on its
// line, or on the line above the statement's. `as const` asserts nothing. Tests may go without.
// Type stripping shows where the assertions are: node blanks them out and leaves every other character in its place.
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { listFiles, root, runMain } from "./repository.ts";

/** 1-based lines of unexplained assertions. */
export function unexplainedAssertions(text: string): number[] {
  const stripped = stripTypeScriptTypes(text);
  // What was removed, with the blanks between removed words.
  const removed: { start: number; text: string }[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === stripped[at]) continue;
    const last = removed.at(-1);
    const between = last === undefined ? "x" : text.slice(last.start + last.text.length, at);
    if (last !== undefined && /^\s*$/.test(between)) last.text += between + text.charAt(at);
    else removed.push({ start: at, text: text.charAt(at) });
  }
  const lines = text.split("\n");
  const found = removed
    .filter((each) => /^(?:!|satisfies\b[^]*?)?\s*\bas\s+(?!const\b)/.test(each.text))
    .map(({ start }) => text.slice(0, start).split("\n").length)
    .filter((line) => !isExplained(lines, line));
  return [...new Set(found)];
}

const hasComment = (line: string) => /(^|\s)\/\/ ?\S|\*\/|^\s*\*/.test(line);

/** Goes up from the line to where its statement begins, as an expression may span lines. */
function isExplained(lines: readonly string[], line: number): boolean {
  let index = line - 1;
  const own = lines[index] ?? "";
  if (hasComment(own)) return true;
  for (let up = 0; up < 12 && index > 0; up += 1) {
    index -= 1;
    const above = lines[index] ?? "";
    if (hasComment(above)) return true;
    // The end of another statement, or the opening of a block; `return {` and `f({` open an expression.
    if (/;\s*$|^\s*\}?\s*$/.test(above) || (/\{\s*$/.test(above) && !/(?:[(=:,?[]|\breturn)\s*\{\s*$/.test(above)))
      return false;
  }
  return false;
}

if (import.meta.main) {
  const named = process.argv.slice(2);
  runMain("assertions", () =>
    (named.length > 0 ? named : listFiles())
      .filter((path) => /^(kit|systems|scripts|bench|demo)\/.*\.ts$/.test(path) && !path.endsWith(".test.ts"))
      .flatMap((path) =>
        unexplainedAssertions(readFileSync(`${root}/${path}`, "utf8")).map(
          (line) => `${path}:${String(line)}: say in a comment why this assertion holds`,
        ),
      ),
  );
}
