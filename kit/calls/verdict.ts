import { findProblem, kitProblems } from "../contract/index.ts";
import type { Verdict } from "./breaker.ts";

/** Header of a refusal with `kit/unavailable`: the service behind the one that answers which is not available. */
export const unavailableServiceHeader = "x-unavailable-service";

/** What this process is short of, not the callee. */
const ownShortages = new Set(["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"]);

export interface Attempted {
  /** The caller waits no longer. */
  readonly callerLeft: boolean;
  /** The callee had its full time. */
  readonly fullTime: boolean;
}

/**
 * What a failed attempt says of the callee. Only these are its failures: it cannot be reached, its answer is lost, it says that it is unavailable, or
 * it gives no answer in its full time. A refusal for overload says nothing: it is up, and a flood of others must not close it to this caller.
 */
export function verdictOf(error: unknown, { callerLeft, fullTime }: Attempted): Verdict {
  const problem = findProblem(error);
  if (problem === undefined) return "unknown";
  const inTime = fullTime ? "failed" : "unknown";
  switch (problem.code) {
    case kitProblems.unavailable.code:
    case kitProblems.outcomeUnknown.code:
      if (callerLeft) return inTime;
      if (problem.headers[unavailableServiceHeader] !== undefined) return "answered";
      return ownShortages.has(codeOf(problem)) ? "unknown" : "failed";
    case kitProblems.deadlineExceeded.code:
      return inTime;
    case kitProblems.overloaded.code:
      return "unknown";
    default:
      return "answered";
  }
}

/** The code that the system, Node or undici gave an error or one of its causes; empty where there is none. */
export function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (findProblem(at) !== at && "code" in at && typeof at.code === "string") return at.code;
  }
  return "";
}
