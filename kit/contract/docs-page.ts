import type { TSchema } from "typebox";
import { mediaTypesOf } from "./bytes.ts";
import { paramsSchema, replySpec, type Access, type Endpoint, type EventContract } from "./contracts.ts";
import { fieldsTable } from "./docs-fields.ts";
import { docsStyle } from "./docs-style.ts";
import { html, joined, type Html } from "./html.ts";
import { jsonSchema } from "./json-schema.ts";
import { kitProblems } from "./kit-problems.ts";
import type { AnyProblem } from "./problem.ts";

export interface Documented {
  readonly title: string;
  readonly endpoints: readonly Endpoint[];
  readonly events: readonly EventContract[];
  readonly problems: readonly AnyProblem[];
}

/**
 * A page for people: every endpoint, event and problem, each with an anchor: `endpoint:GET/orders/{orderId}`, `event:order.created`,
 * `problem:orders/unknown-order`. No script, nothing loaded from elsewhere.
 */
export function docsPage({ title, endpoints, events, problems }: Documented): string {
  const owners = new Set([...endpoints, ...events].map(({ owner }) => owner));
  const services = [...owners].map((owner): Section => ({
    owner,
    open: endpoints.filter((endpoint) => endpoint.owner === owner && endpoint.spec.access !== "operator"),
    operators: endpoints.filter((endpoint) => endpoint.owner === owner && endpoint.spec.access === "operator"),
    events: events.filter((event) => event.owner === owner),
  }));
  const known = new Map([...problems, ...Object.values(kitProblems)].map((problem) => [problem.code, problem]));
  const byOwner = Map.groupBy<string, AnyProblem>(known.values(), ({ owner }) => owner);
  const count = (many: number, one: string): string => `${String(many)} ${one}${many === 1 ? "" : "s"}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}: contracts</title>
        <style>
          ${{ markup: docsStyle }}
        </style>
      </head>
      <body>
        <a class="skip" href="#contracts">Skip to the contracts</a>
        <header>
          <h1>${title}</h1>
          <p>
            ${count(endpoints.length, "endpoint")}, ${count(events.length, "event")}, ${count(known.size, "problem")}.
            For machines: <a href="/openapi.json">openapi.json</a>.
          </p>
        </header>
        <nav aria-label="Contents">
          <ul>
            ${services.map(contents)}
            <li><a href="#problems">problems</a></li>
          </ul>
        </nav>
        <main id="contracts">
          ${services.map(
            ({ owner, open, operators, events: own }) =>
              html`<section id="service:${owner}">
                <h2>${owner}</h2>
                ${group("Endpoints", open.map(endpointText))}${group("Events", own.map(eventText))}${group("For operators", operators.map(endpointText), `operators:${owner}`)}
              </section> `,
          )}
          <section id="problems">
            <h2>Problems</h2>
            <p>
              Every refusal is <code>application/problem+json</code> (RFC 9457) with a code to match by, which is never
              reused.
            </p>
            ${[...byOwner].map(([owner, own]) => group(owner, own.map(problemText)))}
          </section>
        </main>
      </body>
    </html> `.markup;
}

const link = (id: string, text: Html | string): Html => html`<a href="#${encodeURI(id)}">${text}</a>`;
/** An anchor has no spaces. */
const anchorOf = ({ method, path }: Endpoint): string => `endpoint:${method}${path}`;

const group = (title: string, parts: readonly Html[], id?: string): Html =>
  parts.length === 0
    ? html``
    : html`<h3${id === undefined ? undefined : html` id="${id}"`}>${title}</h3>
${parts}`;

interface Section {
  readonly owner: string;
  readonly open: readonly Endpoint[];
  readonly operators: readonly Endpoint[];
  readonly events: readonly EventContract[];
}

function contents({ owner, open, operators, events }: Section): Html {
  const items = [
    ...open.map((endpoint) => link(anchorOf(endpoint), endpoint.route)),
    ...events.map(({ name }) => link(`event:${name}`, name)),
    ...(operators.length === 0 ? [] : [link(`operators:${owner}`, "for operators")]),
  ];
  return html`<li>
    ${link(`service:${owner}`, owner)}
    <ul>
      ${items.map((item) => html`<li>${item}</li>`)}
    </ul>
  </li>`;
}

const audience: Readonly<Record<Access, string>> = {
  anyone: "For anyone",
  user: "For signed-in users",
  operator: "For operators",
  service: "For other services",
};

function bodyText(body: TSchema): Html {
  const mediaTypes = mediaTypesOf(body);
  return mediaTypes === undefined
    ? fieldsTable("Body", jsonSchema(body))
    : html`<p>Body: bytes, as ${mediaTypes.join(" or ")}.</p>`;
}

function endpointText(endpoint: Endpoint): Html {
  const { method, path, spec } = endpoint;
  const { sunset, instead } = spec.deprecated ?? {};
  const gone = sunset === undefined ? "" : `, gone after ${sunset}`;
  const facts = [
    audience[spec.access],
    ...(spec.idempotent === true ? ["takes an Idempotency-Key"] : []),
    ...(spec.deprecated === undefined ? [] : [`deprecated${gone}${instead === undefined ? "" : `; use ${instead}`}`]),
  ];
  const asks = [
    ...(path.includes("{") ? [fieldsTable("Path", jsonSchema(paramsSchema(endpoint)))] : []),
    ...(spec.query === undefined ? [] : [fieldsTable("Query", jsonSchema(spec.query))]),
    ...(spec.headers === undefined ? [] : [fieldsTable("Headers", jsonSchema(spec.headers))]),
    ...(spec.body === undefined ? [] : [bodyText(spec.body)]),
  ];
  const replies = Object.entries(spec.replies).flatMap(([status, reply]) => {
    const { body, headers } = replySpec(reply);
    return [
      body === undefined
        ? html`<p>Reply ${status}, without a body.</p>`
        : fieldsTable(`Reply ${status}`, jsonSchema(body)),
      ...(headers === undefined ? [] : [fieldsTable(`Headers of reply ${status}`, jsonSchema(headers))]),
    ];
  });
  const refusals = (spec.problems ?? []).map(({ code }) => link(`problem:${code}`, html`<code>${code}</code>`));
  const id = anchorOf(endpoint);
  return html`<article id="${id}">
    <h4><span class="kind">${method}</span>${link(id, html`<code>${path}</code>`)}</h4>
    <p>${spec.summary}</p>
    ${spec.description === undefined ? undefined : html`<p>${spec.description}</p>`}
    <p class="meta">
      ${facts.join(", ")}.${refusals.length === 0 ? undefined : html` Refuses with ${joined(refusals, ", ")}.`}
    </p>
    <details>
      <summary>${asks.length === 0 ? "Replies" : "Request and replies"}</summary>
      ${asks}${replies}
    </details>
  </article> `;
}

const eventText = ({ exchange, name, version, key, summary, data }: EventContract): Html =>
  html`<article class="event" id="event:${name}">
    <h4><span class="kind">event</span>${link(`event:${name}`, html`<code>${name}</code>`)}</h4>
    <p>${summary}</p>
    <p class="meta">Exchange <code>${exchange}</code>, version ${version}, in order of <code>${key}</code>.</p>
    <details>
      <summary>Data</summary>
      ${fieldsTable("Data", jsonSchema(data))}
    </details>
  </article> `;

function problemText({ code, status, summary, retryable, facts }: AnyProblem): Html {
  const again = retryable ? "The same request may succeed later." : "The same request will fail again.";
  const carried = Object.keys(jsonSchema(facts).properties ?? {}).map((name) => html`<code>${name}</code>`);
  return html`<article id="problem:${code}">
    <h4><span class="kind">${status}</span>${link(`problem:${code}`, html`<code>${code}</code>`)}</h4>
    <p>${summary}</p>
    <p class="meta">${again}${carried.length === 0 ? undefined : html` It carries ${joined(carried, ", ")}.`}</p>
  </article> `;
}
