import { Type as t } from "typebox";
import { contracts, kitProblems } from "../contract/index.ts";

const { problem } = contracts("kit");
const reason = t.Object({ reason: t.String() });

/** Why a message cannot reach a handler: it goes to the dead letters at once, with this code. */
export const messageProblems = {
  undecodable: problem("kit/undecodable-message", {
    status: 422,
    retryable: false,
    summary: "The data of the message is not JSON in UTF-8",
    detail: "{reason}",
    facts: reason,
  }),
  unknownVersion: problem("kit/unknown-message-version", {
    status: 422,
    retryable: false,
    summary: "The consumer does not know this event, or not in this major version",
    detail: "{reason}",
    facts: reason,
  }),
  invalid: problem("kit/invalid-message", {
    status: 422,
    retryable: false,
    summary: "The data of the message does not fit its contract",
    detail: "{reason}",
    facts: reason,
  }),
  keyMismatch: problem("kit/message-key-mismatch", {
    status: 422,
    retryable: false,
    summary: "The message travelled under another key than its data names",
    detail: "{reason}",
    facts: reason,
  }),
  notTakenIn: problem("kit/message-not-taken-in", {
    status: 500,
    retryable: false,
    summary: "The store refuses the message, whoever handles it",
    detail: "{reason}",
    facts: reason,
  }),
} as const;

/** What a broker may reject with, beside errors that it does not know itself. */
export const brokerProblems = {
  staleEpoch: kitProblems.staleEpoch,
  unavailable: kitProblems.unavailable,
  /** The disk or the quota of the log is used up: publishing works again when there is room. */
  full: problem("kit/broker-full", {
    status: 507,
    retryable: true,
    summary: "The broker has no room for more messages",
    detail: "{reason}",
    facts: reason,
  }),
  messageTooLarge: problem("kit/message-too-large", {
    status: 413,
    retryable: false,
    summary: "A message is larger than a broker takes",
    detail: "The message {id} has {bytes} bytes; {limit} is the most.",
    facts: t.Object({ id: t.String(), bytes: t.Integer(), limit: t.Integer() }),
  }),
  attributeTooLong: problem("kit/message-attribute-too-long", {
    status: 413,
    retryable: false,
    summary: "An attribute of a message is longer than every store can index",
    detail: "The {attribute} of a message has {bytes} bytes; {limit} is the most.",
    facts: t.Object({ attribute: t.String(), bytes: t.Integer(), limit: t.Integer() }),
  }),
} as const;

/** Bytes of an id, a source, a type, a key or a correlation id: PostgreSQL indexes two of them together, in at most 2,704. */
const maxAttributeBytes = 1_024;

/** Throws `kit/message-attribute-too-long`. */
export function checkAttributes(attributes: Readonly<Record<string, string | undefined>>): void {
  for (const [attribute, text = ""] of Object.entries(attributes)) {
    // UTF-8 has at most three bytes a unit: most need not be measured.
    if (text.length * 3 <= maxAttributeBytes) continue;
    const bytes = Buffer.byteLength(text);
    if (bytes > maxAttributeBytes)
      throw brokerProblems.attributeTooLong({ attribute, bytes, limit: maxAttributeBytes });
  }
}

/** Bytes of data that one message may have on every broker. */
export const maxMessageBytes = 1_048_576;
