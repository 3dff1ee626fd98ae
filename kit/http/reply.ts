import { findProblem, kitProblems, problemBody, type Endpoint, type ProblemError } from "../contract/index.ts";
import type { StoredReply } from "../messaging/index.ts";

export type Headers = Readonly<Record<string, string>>;

/** The reply to anything thrown; what is no problem becomes `kit/internal`, without a word of what it was. */
export function refusal(
  error: unknown,
  requestId: string,
): { readonly reply: StoredReply; readonly problem: ProblemError; readonly bug: boolean } {
  const known = findProblem(error);
  const problem = known ?? kitProblems.internal({}, { cause: error });
  const headers: Record<string, string> = { "content-type": "application/problem+json", ...problem.headers };
  if (problem.retryable) headers["retry-after"] ??= "1";
  if (problem.status === 401) headers["www-authenticate"] = "Bearer";
  return {
    reply: { status: problem.status, body: JSON.stringify(problemBody(problem, requestId)), headers },
    problem,
    bug: known === undefined,
  };
}

/** What a framework or the parser of HTTP says, in the kit's terms. */
export function translate(error: unknown): unknown {
  if (findProblem(error) !== undefined || !(error instanceof Error) || !("code" in error)) return error;
  switch (error.code) {
    case "FST_ERR_BAD_URL":
      return kitProblems.malformedRequest(
        { reason: "The address is not valid percent-encoded UTF-8." },
        { cause: error },
      );
    case "FST_ERR_MAX_PARAM_LENGTH":
      return kitProblems.uriTooLong({}, { cause: error });
    case "FST_ERR_NOT_FOUND":
      return kitProblems.notFound({}, { cause: error });
    case "HPE_HEADER_OVERFLOW":
      return kitProblems.headersTooLarge({}, { cause: error });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return kitProblems.requestTimeout({}, { cause: error });
    default:
      return String(error.code).startsWith("HPE_")
        ? kitProblems.malformedRequest({ reason: "The request is not valid HTTP." }, { cause: error })
        : error;
  }
}

/** Written straight to the socket, where no request could be parsed. */
export function rawReply({ status, body = "", headers }: StoredReply): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${String(status)} Refused\r\n${lines.join("")}content-length: ${String(Buffer.byteLength(body))}\r\nconnection: close\r\n\r\n${body}`;
}

/** Deprecation (RFC 9745), sunset (RFC 8594) and the way on. */
export function deprecation({ spec: { deprecated } }: Endpoint): Headers | undefined {
  if (deprecated === undefined) return undefined;
  return {
    deprecation: "@0",
    ...(deprecated.sunset === undefined ? {} : { sunset: new Date(deprecated.sunset).toUTCString() }),
    ...(deprecated.instead === undefined ? {} : { link: `<${deprecated.instead}>; rel="successor-version"` }),
  };
}
