import type { IncomingHttpHeaders } from "node:http";
import {
  findProblem,
  kitProblems,
  onBehalfOfHeader,
  readOnBehalfOf,
  type Caller,
  type Endpoint,
} from "../contract/index.ts";
import type { Verify } from "../access/index.ts";

/** An Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a quoted string, or the same without quotes. */
export function idempotencyKey(endpoint: Endpoint, header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (endpoint.spec.idempotent !== true) {
    if (endpoint.method === "POST" || endpoint.method === "PATCH") throw kitProblems.idempotencyKeyNotSupported({});
    return undefined;
  }
  const text = typeof header === "string" ? header : "";
  const key = /^"(.*)"$/.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, "$1") ?? text;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw kitProblems.idempotencyKeyInvalid({});
  return key;
}

/** Ids that clients may give: short, and safe in a log. */
export const clientId = (header: string | readonly string[] | undefined): string | undefined =>
  typeof header === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(header) ? header : undefined;

/** Milliseconds that the client still waits, from `X-Request-Timeout`: the endpoint's own timeout at most. */
export function patience(header: string | readonly string[] | undefined, timeoutMs: number): number {
  if (header === undefined) return timeoutMs;
  if (typeof header !== "string" || !/^\d+$/.test(header))
    throw kitProblems.invalidRequest({
      errors: [
        { in: "headers", field: "/x-request-timeout", rule: "integer", message: "must be milliseconds, in digits" },
      ],
    });
  return Math.min(Number(header), timeoutMs);
}

/**
 * The caller of a bearer token (RFC 6750), and on whose behalf a service calls. A token that is not valid is refused even where none is needed, and one that
 * cannot be judged now, with `kit/unavailable`.
 */
export async function callerOf(
  headers: IncomingHttpHeaders,
  verify: Verify,
  reject: (error: unknown) => void,
): Promise<Caller | undefined> {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization)?.[1];
  if (token === undefined) throw kitProblems.unauthenticated({});
  const caller = await verify(token).catch((error: unknown) => {
    reject(error);
    throw findProblem(error) ?? kitProblems.unauthenticated({});
  });
  return actingFor(caller, headers[onBehalfOfHeader]);
}

/** A header that nobody can read is refused: without it the service would act in its own name, and see more. */
function actingFor(caller: Caller, header: string | readonly string[] | undefined): Caller {
  if (caller.kind !== "service" || header === undefined) return caller;
  const onBehalfOf = typeof header === "string" ? readOnBehalfOf(header) : undefined;
  if (onBehalfOf === undefined)
    throw kitProblems.malformedRequest({ reason: `The header ${onBehalfOfHeader} cannot be read.` });
  return { ...caller, onBehalfOf };
}

/** A body may come as application/json in UTF-8 and in no other form; one of bytes as one of its media types. */
export function checkMediaType(
  contentType: string | undefined,
  encoding: string | undefined,
  mediaTypes?: readonly string[],
): void {
  if (mediaTypes === undefined && contentType === "application/json" && encoding === undefined) return;
  const refuse = (reason: string) => kitProblems.unsupportedMediaType({ reason });
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw refuse(`The content encoding ${encoding.slice(0, 40)} is not taken.`);
  const [type = "", ...parameters] = (contentType ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  if (!(mediaTypes ?? ["application/json"]).includes(type)) {
    const wanted = mediaTypes?.join(" or ") ?? "application/json";
    throw refuse(
      contentType === undefined
        ? `The content type is missing; send ${wanted}.`
        : `The content type must be ${wanted}.`,
    );
  }
  if (mediaTypes !== undefined) return;
  for (const parameter of parameters) {
    if (parameter.startsWith("charset=") && !/^charset="?utf-8"?$/.test(parameter))
      throw refuse("The charset must be utf-8.");
  }
}
