import type * as mongodb from "mongodb";
import { kitProblems } from "../contract/index.ts";

type Driver = typeof mongodb;
export type Safely = <T>(work: () => Promise<T>) => Promise<T>;

/** What the server will say again of the same document: it is too large, or its like is not allowed. */
const refusals = new Set([2, 9, 14, 15, 52, 55, 57, 121, 10_334, 17_419, 17_420]);
/** Not writable primary, not primary, no room on its disk: the write was not begun. */
const notBegun = new Set([10_058, 10_107, 13_435, 14_031]);

/**
 * The errors of the driver as the port tells them. Only what is known not to have reached the server is `kit/unavailable` for a write: after anything
 * else it may have been done, or still be on its way.
 */
export function mongoErrors(driver: Driver): { readonly reading: Safely; readonly writing: Safely } {
  const { MongoError, MongoAPIError, MongoInvalidArgumentError, MongoServerSelectionError } = driver;
  const classify = (error: unknown): "refused" | "unavailable" | "unknown" => {
    // The driver lets some errors of its sockets out as they are. They may come before or after the server has read the request.
    if (isSocketError(error)) return "unknown";
    // What else is no MongoError comes from turning the document into BSON.
    if (!(error instanceof MongoError) || error instanceof MongoInvalidArgumentError) return "refused";
    if (error instanceof MongoServerSelectionError || error instanceof MongoAPIError) return "unavailable";
    if (["HandshakeError", "PoolRequestedRetry", "NoWritesPerformed"].some((label) => error.hasErrorLabel(label)))
      return "unavailable";
    if (refusals.has(Number(error.code))) return "refused";
    return notBegun.has(Number(error.code)) ? "unavailable" : "unknown";
  };
  const safely =
    (writes: boolean): Safely =>
    async (work) => {
      try {
        return await work();
      } catch (error) {
        const kind = classify(error);
        if (kind === "refused") throw error;
        throw writes && kind === "unknown"
          ? kitProblems.outcomeUnknown({}, { cause: error })
          : kitProblems.unavailable({ reason: "The document store cannot be reached." }, { cause: error });
      }
    };
  return { reading: safely(false), writing: safely(true) };
}

/** An error of Node's network, such as EPIPE or ECONNRESET. */
const isSocketError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && /^E(?!RR_)[A-Z]+$/.test(error.code);
