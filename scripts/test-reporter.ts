// The reporter of `npm test`: a line a file, failures in full where they happen and by name at the end, every skipped test
// with its reason, and the closing lines of node's own reporters (`# tests 12`, `# pass 12`, …).
import { join, relative, resolve } from "node:path";
import { inspect } from "node:util";
import type { TestEvent } from "node:test/reporters";

const cwd = process.cwd();
const place = (file: string | undefined) => (file === undefined ? "" : relative(cwd, file).replaceAll("\\", "/"));

const grouping = join(import.meta.dirname, "test-group.ts");

interface Line {
  file: string;
  name: string;
}

interface Count {
  tests: number;
  failed: number;
  ms: number;
}

function lineOf(file: string, success: boolean, { tests, ms }: Count = { tests: 0, failed: 0, ms: 0 }): string {
  return `${success ? "ok    " : "FAILED"} ${file}  ${String(tests)} tests, ${String(Math.round(ms))} ms\n`;
}

/** Without the wrapper that node:test puts around what a test threw. */
function causeOf(error: Error): unknown {
  return error.cause ?? error;
}

// node loads a reporter by its default export.
// oxlint-disable-next-line import/no-default-export
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failed: Line[] = [];
  const skipped = new Map<string, Line[]>();
  const closing: string[] = [];
  const counts = new Map<string, Count>();

  for await (const { type, data } of events) {
    if (type === "test:stdout" || type === "test:stderr") yield data.message;
    if (
      type === "test:diagnostic" &&
      data.nesting === 0 &&
      /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/.test(data.message)
    ) {
      closing.push(`# ${data.message}\n`);
    }
    if (type === "test:pass" || type === "test:fail") {
      // The suite that test-group.ts makes of a file, and names by it.
      const wholeFile = data.nesting === 0 && data.details.type === "suite" && data.file === grouping;
      const line = { file: place(wholeFile ? resolve(data.name) : data.file), name: data.name };
      const count = counts.get(line.file) ?? { tests: 0, failed: 0, ms: 0 };
      counts.set(line.file, count);
      if (data.details.type !== "suite") count.tests += 1;
      if (wholeFile) count.ms = data.details.duration_ms;
      else if (data.nesting === 0) count.ms += data.details.duration_ms;
      if (data.skip !== undefined) {
        const reason = typeof data.skip === "string" && data.skip !== "" ? data.skip : "no reason given";
        skipped.set(reason, [...(skipped.get(reason) ?? []), line]);
      }
      if (type === "test:fail" && data.todo === undefined && data.details.error.cause !== undefined) {
        const { error } = data.details;
        const onlyBelow = "failureType" in error && error.failureType === "subtestsFailed";
        if (!onlyBelow) {
          count.failed += 1;
          failed.push(line);
          yield `\nFAILED ${line.file}: ${line.name}\n${inspect(causeOf(error))}\n\n`;
        }
      }
      if (wholeFile) yield lineOf(line.file, type === "test:pass", count);
    }
    if (type === "test:summary" && data.file !== undefined && !data.file.endsWith(".group.mjs")) {
      const file = place(data.file);
      yield lineOf(file, data.success, counts.get(file));
    }
  }

  if (skipped.size > 0) yield "\nSkipped:\n";
  for (const [reason, lines] of skipped) {
    yield `  ${reason}\n`;
    for (const { file, name } of lines) yield `    ${file}: ${name}\n`;
  }
  if (failed.length > 0) yield "\nFailed:\n";
  for (const { file, name } of failed) yield `  ${file}: ${name}\n`;
  yield `\n${closing.join("")}`;
  if (process.env["HOLDFAST_REQUIRE_ENGINES"] === "1") {
    const missing = [...skipped.keys()].filter((reason) => reason.startsWith("needs "));
    if (missing.length > 0) {
      yield `HOLDFAST_REQUIRE_ENGINES=1, yet tests were skipped: ${missing.join("; ")}\n`;
      process.exitCode = 1;
    }
  }
}
