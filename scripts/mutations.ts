// Small faults that can be planted in a TypeScript file, for `npm run mutate`.

export interface Mutation {
  /** Where the changed text begins and ends. */
  readonly from: number;
  readonly to: number;
  readonly replacement: string;
  /** What was done, such as "negate a condition". */
  readonly what: string;
}

interface Rule {
  readonly what: string;
  /** Matches code without comments and literals, which are blanks of the same length. */
  readonly pattern: RegExp;
  readonly replacement: (found: string) => string;
}

const swaps: readonly (readonly [string, string])[] = [
  [" === ", " !== "],
  [" !== ", " === "],
  [" < ", " <= "],
  [" <= ", " < "],
  [" > ", " >= "],
  [" >= ", " > "],
  [" && ", " || "],
  [" || ", " && "],
  [" + ", " - "],
  [" - ", " + "],
  [" * ", " / "],
  [" += ", " -= "],
  [" -= ", " += "],
];

const rules: readonly Rule[] = [
  ...swaps.map(([from, to]) => ({
    what: `replace${from}by${to.trimEnd()}`,
    pattern: new RegExp(from.replaceAll(/[|*+]/g, String.raw`\$&`), "g"),
    replacement: () => to,
  })),
  { what: "drop an await", pattern: /\bawait (?!using)/g, replacement: () => "" },
  // Of one digit: greater ones are sizes and times, where one more makes no difference that a test should see.
  { what: "move a constant", pattern: /(?<![\w.$])\d(?![\w.])/g, replacement: (found) => `(${found} + 1)` },
  {
    what: "flip a boolean",
    pattern: /\b(?:true|false)\b(?=[;,)\s}])(?!: )/g,
    replacement: (found) => String(found === "false"),
  },
  // A call or an assignment that is a line of its own; what is logged is no behaviour.
  {
    what: "drop a statement",
    pattern: /(?<=\n *)(?!.*\blog\.)(?:await )?(?:this\.)?[#\w]+(?:[.\w#?]*\(.*\)|[.\w#[\]]* [-+?|&]*= .*);(?=\n)/g,
    replacement: () => "void 0;",
  },
];

/** Every mutation that the rules know, in the order of the text. Declarations of types are left to the compiler: what it refuses counts as found. */
export function mutationsOf(text: string): readonly Mutation[] {
  const code = blanked(text);
  const found = rules.flatMap(({ what, pattern, replacement }) =>
    [...code.matchAll(pattern)].map((match) => ({
      from: match.index,
      to: match.index + match[0].length,
      replacement: replacement(match[0]),
      what,
    })),
  );
  return [...found, ...negations(text, code)].toSorted((a, b) => a.from - b.from || a.to - b.to);
}

export const mutated = (text: string, { from, to, replacement }: Mutation): string =>
  text.slice(0, from) + replacement + text.slice(to);

/** `if (…)` becomes `if (!(…))`, as does `while`. */
function negations(text: string, code: string): readonly Mutation[] {
  return [...code.matchAll(/\b(?:if|while) \(/g)].map((match) => {
    const from = match.index + match[0].length;
    let to = from;
    for (let depth = 1; to < code.length; to += 1) {
      depth += code[to] === "(" ? 1 : code[to] === ")" ? -1 : 0;
      if (depth === 0) break;
    }
    return { from, to, replacement: `!(${text.slice(from, to)})`, what: "negate a condition" };
  });
}

/** Comments, strings and templates as blanks of the same length. */
function blanked(text: string): string {
  const literal = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(literal, (found) => found.replace(/[^\n]/g, "_"));
}
