// `node scripts/reference.ts [--check]`: docs/reference, derived from the code: contracts, problems, settings, metrics, fault points. `--check` names what is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { settings } from "holdfast/cli";
import {
  kitProblems,
  pathNames,
  mediaTypesOf,
  replySpec,
  type AnyProblem,
  type Endpoint,
  type EventContract,
  type TSchema,
} from "holdfast/contract";
import { brokerProblems, messageProblems } from "holdfast/messaging";
import { defaultOf, faultPoints, type FieldSchema } from "holdfast/runtime";
import { describe } from "holdfast/service";
import { streamProblems } from "holdfast/streams";
import { kitMetrics, type Metric } from "holdfast/telemetry";
import { testMethods } from "../systems/payment-gateway/port.ts";
import { services } from "../systems/systems.ts";
import { root, runMain } from "./repository.ts";

const head = "<!-- Written by `node scripts/reference.ts`; change the code instead. -->\n\n";
const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(columns), row(columns.map(() => "---")), ...rows.map(row)].join("\n");
const code = (text: string): string => (text === "" ? "" : `\`${text}\``);

/** JSON Schema as one reads it aloud: `text, 1 to 200`. */
export function typeOf(schema: TSchema): string {
  const s: Readonly<Record<string, unknown>> = { ...schema };
  if ("const" in s) return code(JSON.stringify(s["const"]));
  if (Array.isArray(s["anyOf"])) return (s["anyOf"] as TSchema[]).map(typeOf).join(" or "); // Proof: JSON Schema says so.
  const range = (low: unknown, high: unknown): string => {
    const [from, to] = [low, high].map((bound) => (typeof bound === "number" ? String(bound) : undefined));
    if (from === undefined) return to === undefined ? "" : `, to ${to}`;
    return to === undefined ? `, from ${from}` : `, ${from} to ${to}`;
  };
  const word = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);
  switch (s["type"]) {
    case "object":
      return "properties" in s ? `{ ${Object.keys(s["properties"] as object).join(", ")} }` : "record"; // Proof: as above.
    case "array":
      return `list of ${typeOf(s["items"] as TSchema)}${range(s["minItems"], s["maxItems"])}`; // Proof: as above.
    case "string":
      return `${word(s["format"], "text")}${s["pattern"] === undefined ? "" : ` like ${code(word(s["pattern"], ""))}`}${range(s["minLength"], s["maxLength"])}`;
    default:
      return `${word(s["type"], "anything")}${range(s["minimum"], s["maximum"])}`;
  }
}

function fields(schema: TSchema | undefined): readonly (readonly string[])[] {
  const properties: unknown = schema === undefined ? undefined : Reflect.get(schema, "properties");
  if (typeof properties !== "object" || properties === null) return [];
  // Proof: properties of a schema are schemas.
  return Object.entries(properties as Readonly<Record<string, TSchema>>).map(([name, field]) => [
    code(name),
    typeOf(field),
    "~optional" in field ? "" : "yes",
    String(Reflect.get(field, "description") ?? ""),
  ]);
}

function endpointText({ route, path: address, spec }: Endpoint): string {
  const inputs = [
    ...pathNames(address).map((name) => `${code(name)} in the path`),
    ...fields(spec.query).map(([name]) => `${name ?? ""} in the query`),
  ];
  const replies = Object.entries(spec.replies).map(([status, reply]) => {
    const { body } = replySpec(reply);
    return `${status}${body === undefined ? "" : ` ${typeOf(body)}`}`;
  });
  const body = fields(spec.body);
  const bytes = mediaTypesOf(spec.body);
  return [
    `### ${route}`,
    "",
    `${spec.summary}. ${spec.description ?? ""}`.trim(),
    "",
    `- for ${spec.access}${spec.idempotent === true ? ", takes an [Idempotency-Key](../guides/idempotency-keys.md)" : ""}`,
    ...(inputs.length === 0 ? [] : [`- ${inputs.join(", ")}`]),
    ...(bytes === undefined ? [] : [`- a body of bytes, as ${bytes.join(" or ")}`]),
    `- replies ${replies.join("; ")}`,
    ...(spec.problems === undefined || spec.problems.length === 0
      ? []
      : [`- problems ${spec.problems.map((problem) => code(problem.code)).join(", ")}`]),
    ...(body.length === 0 ? [] : ["", table(["body", "", "required", ""], body)]),
    "",
  ].join("\n");
}

function eventText({ exchange, name, version, key, summary, data }: EventContract): string {
  const consumers = services.filter((service) => service.consumers.some((each) => each.event.name === name));
  return [
    `### ${name}`,
    "",
    `${summary}. Exchange ${code(exchange)}, version ${String(version)}, key ${code(key)}, heard by ${consumers.map((each) => each.name).join(", ") || "nobody here"}.`,
    "",
    table(["field", "", "required", ""], fields(data)),
    "",
  ].join("\n");
}

function contractsPage(): string {
  const parts = services.map((service) => {
    const { endpoints, events } = describe(service);
    const own = endpoints.filter((endpoint) => !endpoint.path.startsWith("/dead-letters/"));
    const jobs = service.jobs.map(({ job, options }) => [
      code(job.name),
      job.summary,
      options.schedule === undefined ? "" : code(options.schedule),
    ]);
    return [
      `## ${service.name}`,
      "",
      ...own.map(endpointText),
      ...events.map(eventText),
      ...(jobs.length === 0
        ? []
        : ["Jobs, which it enqueues for itself:", "", table(["job", "", "schedule"], jobs), ""]),
    ].join("\n");
  });
  return `${head}# Contracts\n\nEvery service has, for operators, its dead letters besides: \`GET /dead-letters/<service>\`, \`GET …/{id}\`, \`POST …/{id}/redrive\` and \`POST …/{id}/discard\`.\n\nAn integer without bounds is between -9007199254740991 and 9007199254740991. A uuid may be in upper case, and is replied in lower case.\n\n${parts.join("\n")}`;
}

/** Problems by their codes, sorted. @throws when two have one code */
export function catalogue(all: readonly AnyProblem[]): readonly AnyProblem[] {
  const known = new Map<string, AnyProblem>();
  for (const problem of all) {
    const other = known.get(problem.code);
    if (other !== undefined && other !== problem) throw new Error(`The code ${problem.code} is used twice.`);
    known.set(problem.code, problem);
  }
  return [...known.values()].toSorted((a, b) => (a.code < b.code ? -1 : 1));
}

function problemsPage(): string {
  const all = catalogue([
    ...Object.values(kitProblems),
    ...Object.values(messageProblems),
    ...Object.values(brokerProblems),
    ...Object.values(streamProblems),
    ...services.flatMap((service) => describe(service).problems),
  ]);
  const rows = all.map(({ code: name, status, retryable, summary, facts }) => [
    code(name),
    String(status),
    retryable ? "yes" : "",
    summary,
    fields(facts)
      .map(([field]) => field ?? "")
      .join(", "),
  ]);
  return `${head}# Problems\n\nEvery refusal is \`application/problem+json\` (RFC 9457) with a \`code\` that is never reused. *Again* says whether the same request may succeed later.\n\n${table(["code", "status", "again", "meaning", "facts"], rows)}\n`;
}

function settingsPage(): string {
  const words = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const rows = (section: string, all: Readonly<Record<string, FieldSchema>>) =>
    Object.entries(all).map(([name, schema]) => {
      const secret: unknown = Reflect.get(schema, "writeOnly");
      const [development, production] = [defaultOf(schema, false), defaultOf(schema, true)].map((value) =>
        value === undefined ? "" : code(JSON.stringify(value)),
      );
      const flag = `--${section === "" ? "" : `${section}.`}${words(name)}`;
      const variable = ["HOLDFAST", ...(section === "" ? [] : [section]), words(name)]
        .join("_")
        .replaceAll("-", "_")
        .toUpperCase();
      return [
        code(flag),
        code(variable),
        development ?? "",
        production === development ? "" : production === "" ? "must be set" : (production ?? ""),
        `${String(Reflect.get(schema, "description") ?? "")}${secret === true ? " (never shown)" : ""}`,
      ];
    });
  const columns = ["flag", "variable", "default", "in production", "meaning"];
  const own = services
    .filter(({ spec }) => Object.keys(spec.config).length > 0)
    .map(({ name, spec }) => `## ${name}\n\n${table(columns, rows(name, spec.config))}\n`);
  return `${head}# Settings\n\nA flag goes before a variable of the environment, that before the default. \`npm start -- --show-config\` prints them all and where each was set.\n\n\`PRODUCTION=true\` switches to the defaults of production, and so does \`NODE_ENV=production\`.\n\n## The process\n\n${table(columns, rows("", settings))}\n\n${own.join("\n")}`;
}

function faultPointsPage(): string {
  const source = readFileSync(path.join(root, "kit/runtime/faults.ts"), "utf8");
  const meanings = new Map(
    [...source.matchAll(/\/\*\* ([^*]+) \*\/\n {2}"([a-z-]+:[a-z-]+)",/g)].map(([, meaning, point]) => [
      point,
      meaning,
    ]),
  );
  const rows = faultPoints.map((point) => {
    const meaning = meanings.get(point);
    if (meaning === undefined) throw new Error(`The fault point ${point} has no comment in kit/runtime/faults.ts.`);
    return [code(point), meaning];
  });
  return `${head}# Fault points\n\n\`npm run crash\` ends a process at each of them; \`HOLDFAST_FAULT=unit:committed:3\` does at the third time that it passes one.\n\n${table(["point", "when"], rows)}\n`;
}

function cardsPage(): string {
  const rows = Object.entries(testMethods).map(([method, meaning]) => [code(method), meaning]);
  return `${head}# Cards of the embedded payment gateway\n\nWhat becomes of a charge, by its payment method; any other method is declined.\n\n${table(["method", "the charge"], rows)}\n`;
}

function metricsPage(): string {
  const about = `Every port serves what its process counts at \`GET /metrics\`, in Prometheus's text format (0.0.4): the front door that of its own process, each service's port that of its own. In one process these are the same numbers, so scrape the front door alone; with \`--processes\` scrape the front door and every service. It is no endpoint of a contract and asks for no token: whoever reaches a port may read it, so keep the ports off the public network, or \`/metrics\` out of what a proxy lets through. Counters begin at 0 with the process. What waits is asked for at a scrape, at most once a second and in a bounded time; instances of one service tell the same numbers there, of which the maximum counts. A metric takes at most 2,000 series; what comes beyond that stands under the label value \`other\`.`;
  const all: readonly Metric[] = Object.values(kitMetrics);
  const rows = all.map(({ name, kind, unit, labels, help, whenBad }) => [
    code(name),
    kind,
    unit === "none" ? "" : unit,
    labels.map(code).join(", "),
    help,
    whenBad,
  ]);
  const bounds = new Map<string, readonly string[]>();
  for (const { name, buckets } of all)
    if (buckets.length > 0) bounds.set(buckets.join(", "), [...(bounds.get(buckets.join(", ")) ?? []), code(name)]);
  const buckets = [...bounds].map(([upper, names]) => `- ${upper}: ${names.join(", ")}`);
  return `${head}# Metrics\n\n${about}\n\n${table(["metric", "type", "unit", "labels", "meaning", "when it is bad"], rows)}\n\n## Buckets of the histograms\n\nUpper bounds; \`_bucket\`, \`_sum\` and \`_count\` are appended to the name.\n\n${buckets.join("\n")}\n`;
}

/** The pages by their paths. */
export const pages = (): Readonly<Record<string, string>> => ({
  "docs/reference/contracts.md": contractsPage(),
  "docs/reference/problems.md": problemsPage(),
  "docs/reference/settings.md": settingsPage(),
  "docs/reference/fault-points.md": faultPointsPage(),
  "docs/reference/metrics.md": metricsPage(),
  "docs/reference/cards.md": cardsPage(),
});

/** Where a page and what it should be part, as sentences. */
export function stale(
  written: (file: string) => string | undefined,
  wanted: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(wanted).flatMap(([file, text]) => {
    const found = written(file)?.split("\n");
    if (found === undefined) return [`${file} is missing`];
    const lines = text.split("\n");
    const at = lines.findIndex((line, index) => line !== found[index]);
    if (at < 0 && found.length === lines.length) return [];
    return [`${file}:${String(at + 1)} is stale: it should be ${lines[at] ?? "the end"}`];
  });
}

if (import.meta.main) {
  const wanted = pages();
  const read = (file: string) =>
    existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), "utf8") : undefined;
  if (process.argv.includes("--check")) runMain("reference", () => stale(read, wanted));
  else
    for (const [file, text] of Object.entries(wanted)) {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), text);
    }
}
