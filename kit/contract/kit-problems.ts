import { Type as t } from "typebox";
import { makeProblem } from "./problem.ts";

const none = t.Object({});
const reason = t.Object({ reason: t.String() });
const soon = true;

const define = <const C extends string, F extends Parameters<typeof makeProblem>[2]["facts"]>(
  code: C,
  [status, retryable, summary, facts, detail]: readonly [number, boolean, string, F, string?],
) => makeProblem("kit", code, { status, retryable, summary, facts, ...(detail === undefined ? {} : { detail }) });

const errors = t.Object({
  errors: t.Array(
    t.Object({
      in: t.String({ description: "body, query, params or headers" }),
      field: t.String({ description: "JSON pointer (RFC 6901); empty for the whole" }),
      rule: t.String(),
      message: t.String(),
    }),
  ),
});

/** The kit's own refusals. Codes are never reused. */
export const kitProblems = {
  invalidRequest: define("kit/invalid-request", [400, false, "The request does not fit its contract", errors]),
  malformedJson: define("kit/malformed-json", [400, false, "The body is not JSON", reason, "{reason}"]),
  malformedRequest: define("kit/malformed-request", [400, false, "The request is not valid HTTP", reason, "{reason}"]),
  unauthenticated: define("kit/unauthenticated", [401, false, "A valid bearer token is needed", none]),
  forbidden: define("kit/forbidden", [403, false, "The caller may not do this", none]),
  notFound: define("kit/not-found", [404, false, "There is nothing at this address", none]),
  methodNotAllowed: define("kit/method-not-allowed", [405, false, "This address does not know the method", none]),
  requestTimeout: define("kit/request-timeout", [408, soon, "The request did not arrive in time", none]),
  idempotencyKeyInUse: define("kit/idempotency-key-in-use", [
    409,
    soon,
    "A request with this Idempotency-Key is still being handled",
    none,
  ]),
  bodyTooLarge: define("kit/body-too-large", [
    413,
    false,
    "The body is too large",
    t.Object({ limitBytes: t.Integer() }),
    "The body may have {limitBytes} bytes at most.",
  ]),
  uriTooLong: define("kit/uri-too-long", [414, false, "The address is too long", none]),
  unsupportedMediaType: define("kit/unsupported-media-type", [
    415,
    false,
    "The body must be application/json in UTF-8, without a content encoding",
    reason,
    "{reason}",
  ]),
  expectationFailed: define("kit/expectation-failed", [
    417,
    false,
    "The only expectation that is met is 100-continue",
    none,
  ]),
  hostNotAllowed: define("kit/host-not-allowed", [
    421,
    false,
    "The server does not answer requests with this Host header",
    t.Object({ host: t.String() }),
    "The server does not answer as {host}. Use localhost, or start it with --allowed-hosts={host}.",
  ]),
  idempotencyKeyReused: define("kit/idempotency-key-reused", [
    422,
    false,
    "This Idempotency-Key was used for another request",
    none,
  ]),
  idempotencyKeyInvalid: define("kit/idempotency-key-invalid", [
    400,
    false,
    "The Idempotency-Key must be 1 to 255 visible ASCII characters, in quotes or without",
    none,
  ]),
  idempotencyKeyNotSupported: define("kit/idempotency-key-not-supported", [
    400,
    false,
    "This endpoint does not take an Idempotency-Key",
    none,
  ]),
  headersTooLarge: define("kit/headers-too-large", [431, false, "The headers are too large", none]),
  internal: define("kit/internal", [
    500,
    false,
    "The service made a mistake; it is logged under the id of this request",
    none,
  ]),
  callFailed: define("kit/call-failed", [502, false, "A service that this one needs failed", reason, "{reason}"]),
  callLoop: define("kit/call-loop", [508, false, "Services call each other in a loop", reason, "{reason}"]),
  overloaded: define("kit/overloaded", [503, soon, "The service has more to do than it can", none]),
  unavailable: define("kit/unavailable", [503, soon, "The service cannot do this now", reason, "{reason}"]),
  outcomeUnknown: define("kit/outcome-unknown", [
    503,
    soon,
    "Whether this was done is not known; it may be repeated with its Idempotency-Key, if it had one",
    none,
  ]),
  deadlineExceeded: define("kit/deadline-exceeded", [504, soon, "The deadline of the request has passed", none]),
  staleEpoch: define("kit/stale-epoch", [503, soon, "Another instance has taken this work over", reason, "{reason}"]),
  deadLetterUnknown: define("kit/dead-letter-unknown", [
    404,
    false,
    "No such dead letter",
    t.Object({ id: t.String() }),
    "There is no dead letter {id}.",
  ]),
} as const;
