const colours: Readonly<Record<string, string>> = {
  debug: "\u001b[90m",
  info: "\u001b[36m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
  critical: "\u001b[41m",
};

/** Control characters (C0, C1, DEL), which could begin a line or a colour of their own, as JSON writes them. */
const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (found) =>
    found === "\n" ? "\\n" : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** An entry for people, from one line of JSON: the entry's own line, then those of its error, indented. */
export function pretty(line: string, coloured: boolean): string {
  // Proof: the line was written by pino as a JSON object.
  const { level, time, msg, service, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const name = String(level);
  const rest = Object.entries(fields).map(([key, value]) =>
    visible(`${key}=${typeof value === "string" ? value : JSON.stringify(value)}`),
  );
  const from = typeof service === "string" ? `[${visible(service)}] ` : "";
  const what = [visible(String(msg)), ...rest].join(" ");
  return `${String(time).slice(11, 23)} ${coloured ? `${colours[name] ?? ""}${name.padEnd(8)}\u001b[0m` : name.padEnd(8)} ${from}${what}${error === undefined ? "" : trace(error, "")}\n`;
}

/** The lines of a stack are indented: none of them looks like an entry. Causes follow. */
function trace(error: unknown, label: string): string {
  const record = typeof error === "object" && error !== null;
  const text =
    record && "stack" in error ? String(error.stack) : typeof error === "string" ? error : JSON.stringify(error);
  const lines = `${label}${text}`.split("\n").map((each) => `\n    ${visible(each)}`);
  return `${lines.join("")}${record && "cause" in error ? trace(error.cause, "caused by ") : ""}`;
}
