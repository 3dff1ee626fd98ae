// `node scripts/machine-names.ts [files]`: no tracked file names a package registry, or a folder of one person's machine.
import { readFileSync } from "node:fs";
import { listFiles, root, runMain } from "./repository.ts";

const rules: readonly { pattern: RegExp; why: string }[] = [
  {
    pattern:
      /\b(?:registry|npm|packages|artifactory|nexus|proxy|mirror)\.[\w-]+(?:\.[\w-]+)*\.(?:org|com|net|io|dev|internal|local)\b/i,
    why: "names a package registry",
  },
  { pattern: /"resolved":\s*"[a-z+]+:\/\//, why: "names a package registry" },
  { pattern: /^\s*(?:@[\w-]+:)?registry\s*=/m, why: "sets a package registry" },
  { pattern: /(?<![\w.\-/}@$:*])\/(?:work|root)\/[\w.-]/, why: "names a folder of one machine" },
  { pattern: /(?<![\w.\-/}@$:*])\/tmp\/[\w.-]/, why: "names a temporary folder; use os.tmpdir() or mktemp" },
  { pattern: /(?<![\w.\-/}@$:*])\/(?:home|Users)\/(?!node\/|you\/|me\/)[\w.-]/, why: "names somebody's home folder" },
  { pattern: /\b[A-Z]:\\Users\\/, why: "names somebody's home folder" },
];

/** `12: why`, for each line with a fault. */
export function machineNames(text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const rule = rules.find(({ pattern }) => pattern.test(line));
    return rule === undefined ? [] : [`${String(index + 1)}: ${rule.why}`];
  });
}

if (import.meta.main) {
  const named = process.argv.slice(2);
  runMain("machine-names", () =>
    (named.length > 0 ? named : listFiles()).flatMap((path) => {
      const text = readFileSync(`${root}/${path}`, "utf8");
      // A binary file: a picture, say.
      return text.includes("\0") ? [] : machineNames(text).map((fault) => `${path}:${fault}`);
    }),
  );
}
