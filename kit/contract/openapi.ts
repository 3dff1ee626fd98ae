import type { TSchema } from "typebox";
import { mediaTypesOf } from "./bytes.ts";
import { paramsSchema, replySpec, type Endpoint } from "./contracts.ts";
import { closed, jsonSchema, plain, type JsonSchema } from "./json-schema.ts";
import type { AnyProblem } from "./problem.ts";

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
}

/** OpenAPI 3.1 of a set of endpoints. */
export function openapi(endpoints: readonly Endpoint[], info: ApiInfo): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = (paths[endpoint.path] ??= {});
    path[endpoint.method.toLowerCase()] = operation(endpoint);
  }
  return {
    openapi: "3.1.0",
    info: { ...info, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    tags: [...new Set(endpoints.map(({ owner }) => owner))].map((name) => ({
      name,
      description: `The service ${name}`,
    })),
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      schemas: { Problem: problemSchema },
    },
  };
}

const problemSchema = {
  type: "object",
  description: "RFC 9457, with the code to match by",
  required: ["type", "title", "status", "code", "retryable"],
  properties: {
    type: { type: "string", format: "uri-reference" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    instance: { type: "string", description: "Id of the request" },
    code: { type: "string", description: "Stable; never reused" },
    retryable: { type: "boolean" },
  },
};

function operation(endpoint: Endpoint): Readonly<Record<string, unknown>> {
  const { method, path, owner, spec } = endpoint;
  const parameters = [
    ...parametersOf("path", jsonSchema(paramsSchema(endpoint))),
    ...(spec.query === undefined ? [] : parametersOf("query", jsonSchema(spec.query))),
    ...(spec.headers === undefined ? [] : parametersOf("header", jsonSchema(spec.headers))),
    ...(spec.idempotent === true ? [idempotencyKey] : []),
  ];
  const secured = spec.access !== "anyone";
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[/{}._~-]+(\w)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? "")}`,
    tags: [owner],
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    ...(spec.deprecated === undefined ? {} : { deprecated: true }),
    security: secured ? [{ token: [] }] : [{}, { token: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(spec.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: bodyContent(spec.body),
          },
        }),
    responses: responses(endpoint),
  };
}

function bodyContent(body: TSchema): Readonly<Record<string, unknown>> {
  const mediaTypes = mediaTypesOf(body);
  if (mediaTypes === undefined) return { "application/json": { schema: closed(plain(jsonSchema(body))) } };
  // Bytes have no schema (OpenAPI 3.1, section 4.8.14.3).
  return Object.fromEntries(mediaTypes.map((type) => [type, {}]));
}

const idempotencyKey = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "1 to 255 visible ASCII characters; use a UUID. Repeats under one key get the reply of the first, for 24 hours; then the key is new. A guest's key of fewer than 22 characters is scoped by the guest's address.",
  schema: { type: "string", minLength: 1, maxLength: 257 },
};

function parametersOf(
  place: "path" | "query" | "header",
  { properties = {}, required = [] }: JsonSchema,
): readonly unknown[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(typeof schema["description"] === "string" ? { description: schema["description"] } : {}),
    schema: plain(schema),
  }));
}

function responses({ spec }: Endpoint): Readonly<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const [status, reply] of Object.entries(spec.replies)) {
    const { body, headers } = replySpec(reply);
    all[status] = {
      description: Number(status) < 300 ? "Done" : "See the body",
      ...(headers === undefined
        ? {}
        : {
            headers: Object.fromEntries(
              Object.entries(jsonSchema(headers).properties ?? {}).map(([name, schema]) => [
                name,
                { schema: plain(schema) },
              ]),
            ),
          }),
      ...(body === undefined ? {} : { content: { "application/json": { schema: plain(jsonSchema(body)) } } }),
    };
  }
  const byStatus = Map.groupBy<number, AnyProblem>(spec.problems ?? [], ({ status }) => status);
  for (const [status, problems] of byStatus)
    all[String(status)] = refusal(problems.map(({ code, summary }) => `\`${code}\`: ${summary}`).join(". "));
  all["4XX"] = refusal("Refused, with a code that says why");
  all["5XX"] = refusal("Failed, with a code that says whether to try again");
  return all;
}

const refusal = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});
