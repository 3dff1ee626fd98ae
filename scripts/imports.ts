// The import specifiers of a TypeScript file, and what they lead to.
import { dirname, join } from "node:path/posix";

export interface Import {
  specifier: string;
  /** 1-based. */
  line: number;
  /** `import type`: gone at run time. */
  typeOnly: boolean;
  /** `import("…")`: loaded when reached. */
  dynamic: boolean;
}

const comments = /\/\*[\s\S]*?\*\/|(?<![:"'`\\])\/\/[^\n]*/g;
const fixed = /^[ \t]*(import|export)\b(?:\s+(type)\b(?!\s*(?:,|from\b)))?(?:[^"'`;]*?\bfrom)?\s*["']([^"'\n]+)["']/gm;
const onDemand = /\bimport\(\s*["']([^"'\n]+)["']\s*(?:,[^)]*)?\)/g;

/** Text with comments blanked out, line numbers kept. */
const withoutComments = (text: string) => text.replace(comments, (comment) => comment.replace(/[^\n]/g, " "));

export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const line = (index: number) => code.slice(0, index).split("\n").length;
  return [
    ...[...code.matchAll(fixed)].map((match) => ({
      specifier: match[3] ?? "",
      line: line(match.index),
      typeOnly: match[2] !== undefined,
      dynamic: false,
    })),
    ...[...code.matchAll(onDemand)].map((match) => ({
      specifier: match[1] ?? "",
      line: line(match.index),
      typeOnly:
        /\btypeof\s+$|[:<|&]\s*$/.test(code.slice(0, match.index)) ||
        /^\.(?!then\b|catch\b|finally\b)/.test(code.slice(match.index + match[0].length)),
      dynamic: true,
    })),
  ].sort((a, b) => a.line - b.line);
}

/** The file of this repository that an import leads to; undefined for packages and node's own modules. */
export function targetOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return join(dirname(file), specifier);
  return specifier.startsWith("holdfast/") ? `kit/${specifier.slice("holdfast/".length)}/index.ts` : undefined;
}

/** A cycle, such as [a, b, a], for each import that closes one; empty when there is none. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[], onPath: Set<string>) => {
    if (done.has(file)) return;
    onPath.add(file);
    for (const next of graph.get(file) ?? []) {
      if (onPath.has(next)) cycles.push([...path.slice(path.indexOf(next)), next]);
      else visit(next, [...path, next], onPath);
    }
    onPath.delete(file);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, [file], new Set());
  return cycles;
}
