import { paramsSchema, replySpec, type Endpoint, type EventContract } from "./contracts.ts";
import { jsonSchema, plain, type JsonSchema } from "./json-schema.ts";
import { kitProblems } from "./kit-problems.ts";
import type { AnyProblem } from "./problem.ts";

export interface Documented {
  readonly title: string;
  readonly endpoints: readonly Endpoint[];
  readonly events: readonly EventContract[];
  readonly problems: readonly AnyProblem[];
}

/** A page for people: every endpoint, event and problem. No script, nothing loaded from elsewhere. */
export function docsPage({ title, endpoints, events, problems }: Documented): string {
  const all: readonly AnyProblem[] = [...problems, ...Object.values(kitProblems)];
  const owners = [...new Set([...endpoints, ...events].map(({ owner }) => owner))];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${html(title)}</title><style>${style}</style></head><body>
<header><h1>${html(title)}</h1><nav>${owners.map((owner) => `<a href="#service:${html(owner)}">${html(owner)}</a>`).join(" ")} <a href="#problems">problems</a> <a href="/openapi.json">openapi.json</a></nav></header><main>
${owners
  .map(
    (owner) =>
      `<section id="service:${html(owner)}"><h2>${html(owner)}</h2>${endpoints
        .filter((endpoint) => endpoint.owner === owner)
        .map(endpointHtml)
        .join("")}${events
        .filter((event) => event.owner === owner)
        .map(eventHtml)
        .join("")}</section>`,
  )
  .join("\n")}
<section id="problems"><h2>Problems</h2>${all.map(problemHtml).join("")}</section></main></body></html>`;
}

function endpointHtml(endpoint: Endpoint): string {
  const { method, path, spec } = endpoint;
  const parts: readonly (readonly [string, JsonSchema | undefined])[] = [
    ["Path", path.includes("{") ? jsonSchema(paramsSchema(endpoint)) : undefined],
    ["Query", spec.query === undefined ? undefined : jsonSchema(spec.query)],
    ["Headers", spec.headers === undefined ? undefined : jsonSchema(spec.headers)],
    ["Body", spec.body === undefined ? undefined : jsonSchema(spec.body)],
    ...Object.entries(spec.replies).map(([status, reply]): readonly [string, JsonSchema | undefined] => {
      const { body } = replySpec(reply);
      return [`Reply ${status}`, body === undefined ? undefined : jsonSchema(body)];
    }),
  ];
  const refusals = (spec.problems ?? [])
    .map(({ code }) => `<a href="#problem:${html(code)}"><code>${html(code)}</code></a>`)
    .join(" ");
  return `<article id="endpoint:${html(endpoint.route)}"><h3><b class="method">${method}</b> <code>${html(path)}</code></h3><p>${html(spec.summary)}${spec.description === undefined ? "" : ` ${html(spec.description)}`} <small>Access: ${spec.access}.${spec.idempotent === true ? " Takes an Idempotency-Key." : ""}${spec.deprecated === undefined ? "" : " Deprecated."}</small></p>${parts.map(([name, schema]) => (schema === undefined ? "" : `<details><summary>${name}</summary><pre>${html(shape(plain(schema)))}</pre></details>`)).join("")}${refusals === "" ? "" : `<p>Refusals: ${refusals}</p>`}</article>`;
}

const eventHtml = ({ name, version, key, summary, data }: EventContract): string =>
  `<article id="event:${html(name)}"><h3><b class="event">event</b> <code>${html(name)}</code></h3><p>${html(summary)} <small>Version ${String(version)}, in order of <code>${html(key)}</code>.</small></p><details><summary>Data</summary><pre>${html(shape(plain(jsonSchema(data))))}</pre></details></article>`;

const problemHtml = ({ code, status, summary, retryable }: AnyProblem): string =>
  `<article id="problem:${html(code)}"><h3><b class="problem">${String(status)}</b> <code>${html(code)}</code></h3><p>${html(summary)}. ${retryable ? "The same request may succeed later." : "The same request will fail again."}</p></article>`;

/** A schema as people read it. */
function shape(schema: JsonSchema, indent = ""): string {
  const { type, properties, required = [], items, enum: values, const: constant, anyOf, patternProperties } = schema;
  if (properties !== undefined) {
    const lines = Object.entries(properties).map(
      ([name, part]) =>
        `${indent}  ${name}${required.includes(name) ? "" : "?"}: ${shape(part, `${indent}  `)}${note(part)}`,
    );
    return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${indent}}`;
  }
  if (items !== undefined) return `[ ${shape(items, indent)} ]${bounds(schema)}`;
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (constant !== undefined) return JSON.stringify(constant);
  if (anyOf !== undefined) return anyOf.map((part) => shape(part, indent)).join(" | ");
  const [inner] = Object.values(patternProperties ?? {});
  if (inner !== undefined) return `{ [name]: ${shape(inner, indent)} }`;
  return `${type ?? "any JSON"}${typeof schema.format === "string" ? ` (${schema.format})` : ""}${bounds(schema)}`;
}

function bounds(schema: JsonSchema): string {
  const named = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"].filter(
    (name) => schema[name] !== undefined,
  );
  return named.length === 0 ? "" : ` { ${named.map((name) => `${name} ${String(schema[name])}`).join(", ")} }`;
}

const note = (schema: JsonSchema): string =>
  typeof schema["description"] === "string" ? `   — ${schema["description"]}` : "";

const html = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const style = `:root{color-scheme:light dark;--line:color-mix(in srgb,CanvasText 15%,transparent);--soft:color-mix(in srgb,CanvasText 5%,transparent);--accent:light-dark(#0b57d0,#8ab4f8)}
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}header,main{max-width:60rem;margin:auto;padding:1rem}
header{border-bottom:1px solid var(--line)}nav a{margin-right:1rem}a{color:var(--accent)}article{border:1px solid var(--line);border-radius:8px;padding:.5rem 1rem;margin:1rem 0}
h3{margin:.3rem 0;font-size:1rem;overflow-wrap:anywhere}pre{background:var(--soft);padding:.6rem;border-radius:6px;overflow:auto;font-size:.85rem}summary{cursor:pointer}
.method,.event,.problem{display:inline-block;min-width:3.2rem;color:var(--accent)}small{opacity:.8}:target{outline:2px solid var(--accent)}`;
