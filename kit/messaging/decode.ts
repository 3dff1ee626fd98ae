import {
  compile,
  findProblem,
  jsonSchema,
  parseExactJson,
  privateTexts,
  type EventContract,
  type ProblemError,
  type TSchema,
} from "../contract/index.ts";
import { Withholding } from "../telemetry/index.ts";
import type { Envelope } from "./envelope.ts";
import { messageProblems } from "./problems.ts";
import type { Incoming } from "./store.ts";

/** What messages of one kind look like. */
export interface MessageForm {
  readonly name: string;
  readonly version: number;
  readonly data: TSchema;
  /** The field of the data that is the key; undefined where the key is none of them. */
  readonly key: EventContract["key"] | undefined;
}

export interface Decoder {
  /** A value of a log entry, an error as a rule, without what it may quote of the data of these messages. */
  withheld(value: unknown, envelopes: readonly Envelope[]): Withholding;
  /** The data, valid by the contract; throws one of `messageProblems`. */
  decode(envelope: Envelope): unknown;
  /** For intake: what cannot be decoded is marked as dead. */
  examine(envelope: Envelope): Incoming;
}

/** Open: fields that the contract does not name are let through. */
export function decoderOf({ name, version, key, data: schema }: MessageForm): Decoder {
  const validator = compile(schema, { open: true });
  const keyIsUuid = key !== undefined && jsonSchema(schema).properties?.[key]?.format === "uuid";
  /** One id has one spelling, so that messages of one key keep their order. */
  const spelled = (text: string): string => (keyIsUuid ? text.toLowerCase() : text);
  /** What intake has parsed, for the first attempt only: a handler may change what it is given. */
  const parsed = new WeakMap<Envelope, { readonly data: unknown }>();

  const examined = (envelope: Envelope): unknown => {
    if (envelope.type !== name || envelope.version !== version) {
      const reason = `${name} v${String(version)} is expected; this is ${envelope.type} v${String(envelope.version)}.`;
      throw messageProblems.unknownVersion({ reason });
    }
    const raw = parse(envelope.data);
    if (!validator.check(raw)) {
      const [first] = validator.errors(raw);
      const at = first === undefined ? "it" : first.field === "" ? "the data" : first.field;
      throw messageProblems.invalid({ reason: `${at} ${first?.message ?? "does not fit"}` });
    }
    const data = validator.normalise(raw);
    const named: unknown =
      key === undefined ? envelope.key : typeof data === "object" && data !== null ? Reflect.get(data, key) : undefined;
    if (key !== undefined && named !== spelled(envelope.key)) {
      throw messageProblems.keyMismatch({ reason: `The field ${key} of the data is not the key of the message.` });
    }
    return data;
  };

  return {
    withheld: (value, envelopes) =>
      new Withholding(
        value,
        () => new Set(envelopes.flatMap(({ data }) => [...privateTexts(schema, parsedOr(String(data)))])),
      ),
    decode(envelope) {
      const known = parsed.get(envelope);
      if (known === undefined) return examined(envelope);
      parsed.delete(envelope);
      return known.data;
    },
    examine(given) {
      const uniform = spelled(given.key);
      const envelope = uniform === given.key ? given : { ...given, key: uniform };
      try {
        parsed.set(envelope, { data: examined(envelope) });
        return { envelope };
      } catch (error) {
        const problem = findProblem(error);
        if (problem === undefined) throw error;
        return { envelope, dead: { code: problem.code, detail: detailOf(problem) } };
      }
    },
  };
}

/** The data, or its text where it is no JSON. */
function parsedOr(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

const detailOf = ({ title, message }: ProblemError): string => (message === title ? title : `${title}: ${message}`);

function parse(data: string | Uint8Array): unknown {
  if (typeof data !== "string") throw messageProblems.undecodable({ reason: "The data is not UTF-8." });
  try {
    return parseExactJson(data);
  } catch {
    // The text of the error quotes the data, which may be private: it is no cause to show.
    throw messageProblems.undecodable({ reason: "The data is not JSON." });
  }
}
