import { storable, type Envelope } from "../messaging/index.ts";
import type { Row } from "./engine.ts";

/** Parameters of an envelope in the order of `envelopeColumns`. Data with NUL, which is no JSON, is kept as the bytes that it is. */
export const envelopeRow = ({ data, ...envelope }: Envelope): readonly unknown[] => {
  const text = typeof data === "string" && !data.includes("\0");
  return [
    storable(envelope.id),
    storable(envelope.source),
    storable(envelope.type),
    envelope.version,
    storable(envelope.key),
    storable(envelope.time),
    storable(envelope.correlationId),
    envelope.causationId === undefined ? null : storable(envelope.causationId),
    envelope.traceparent === undefined ? null : storable(envelope.traceparent),
    JSON.stringify(envelope.headers),
    text ? data : null,
    text ? null : typeof data === "string" ? Buffer.from(data) : data,
  ];
};

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
