import type { Envelope } from "../messaging/index.ts";
import type { Row } from "./engine.ts";

/** Parameters of an envelope in the order of `envelopeColumns`. */
export const envelopeRow = (envelope: Envelope): readonly unknown[] => [
  envelope.id,
  envelope.source,
  envelope.type,
  envelope.version,
  envelope.key,
  envelope.time,
  envelope.correlationId,
  envelope.causationId ?? null,
  envelope.traceparent ?? null,
  JSON.stringify(envelope.headers),
  typeof envelope.data === "string" ? envelope.data : null,
  typeof envelope.data === "string" ? null : envelope.data,
];

export const textOf = (row: Row, name: string): string => String(row[name]);
export const numberOf = (row: Row, name: string): number => Number(row[name]);
export const maybeText = (row: Row, name: string): string | undefined => {
  const value = row[name];
  return typeof value === "string" ? value : undefined;
};

export function envelopeOf(row: Row): Envelope {
  const { data, bytes } = row;
  return {
    id: textOf(row, "messageId"),
    source: textOf(row, "source"),
    type: textOf(row, "type"),
    version: numberOf(row, "version"),
    key: textOf(row, "key"),
    time: textOf(row, "time"),
    correlationId: textOf(row, "correlationId"),
    causationId: maybeText(row, "causationId"),
    traceparent: maybeText(row, "traceparent"),
    // Proof: written by `envelopeRow` as an object of strings.
    headers: JSON.parse(textOf(row, "headers")) as Record<string, string>,
    data: typeof data === "string" ? data : bytes instanceof Uint8Array ? bytes : "",
  };
}
