import { compile, kitProblems, pathNames, type Endpoint, type ProblemError, type Value } from "../contract/index.ts";

type InvalidRequest = Value<typeof kitProblems.invalidRequest.facts>;
const isInvalidRequest = (value: unknown): value is InvalidRequest =>
  compile(kitProblems.invalidRequest.facts, { open: true }).check(value);

/** Refusals of an address: the callee names no field. */
const ofAddress = new Set<string>([kitProblems.notFound.code, kitProblems.uriTooLong.code]);

/**
 * The refusal as the client's own, where a callee refuses what the client sent; undefined where it refuses anything else: that is a mistake of the
 * service that called.
 *
 * @param fromClient names of the fields that the call passes on as the client sent them
 */
export function clientsOwn(
  { path }: Endpoint,
  problem: ProblemError,
  fromClient: readonly string[],
): ProblemError | undefined {
  if (fromClient.length === 0) return undefined;
  if (ofAddress.has(problem.code))
    return pathNames(path).some((name) => fromClient.includes(name)) ? problem : undefined;
  const { code, facts: given } = problem;
  if (code !== kitProblems.invalidRequest.code || !isInvalidRequest(given) || given.errors.length === 0)
    return undefined;
  const { errors } = given;
  if (!errors.every(({ field }) => fromClient.includes(topName(field)))) return undefined;
  return kitProblems.invalidRequest({ errors }, { cause: problem });
}

/** `lines` of the JSON pointer `/lines/3/sku` (RFC 6901). */
const topName = (field: string): string => (field.split("/")[1] ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
