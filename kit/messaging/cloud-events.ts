import { parseKeepingDigits } from "../contract/index.ts";
import type { Envelope } from "./envelope.ts";

/** Names of the wire form; CloudEvents 1.0.2, with the extensions Partitioning and Distributed Tracing. */
const attributeNames = [
  "specversion",
  "id",
  "source",
  "type",
  "time",
  "datacontenttype",
  "partitionkey",
  "schemaversion",
  "correlationid",
  "causationid",
  "traceparent",
  "tenant",
] as const;
type AttributeName = (typeof attributeNames)[number];
type Attributes = Partial<Record<AttributeName, string>>;

const json = "application/json";
const octets = "application/octet-stream";

export interface BinaryMode {
  /** Kafka headers, or AMQP properties: attributes under the prefix, the content type, and the headers of foreign producers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly data: string | Uint8Array;
}

/** What a foreign producer may have left out. */
export type Fallback = Pick<Envelope, "id" | "source" | "type" | "key" | "time">;

/** `ce_` as the Kafka binding has it. */
export const kafkaPrefix = "ce_";
/** `cloudEvents:` as the AMQP binding has it. */
export const amqpPrefix = "cloudEvents:";

/** Binary mode. A foreign header that would override an attribute is left out. */
export function toBinary(envelope: Envelope, prefix: string = kafkaPrefix): BinaryMode {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(envelope.headers))
    if (!isReserved(name, prefix)) define(headers, name, value);
  const { datacontenttype = json, ...rest } = attributesOf(envelope);
  for (const [name, value] of Object.entries(rest)) headers[`${prefix}${name}`] = value;
  headers["content-type"] = datacontenttype;
  return { headers, data: envelope.data };
}

/** The opposite of `toBinary`; data comes as bytes from most clients, and is text again where it is UTF-8. */
export function fromBinary({ headers, data }: BinaryMode, fallback: Fallback, prefix: string = kafkaPrefix): Envelope {
  const attributes: Attributes = {};
  const foreign: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    const attribute = attributeNames.find((each) => lower === `${prefix.toLowerCase()}${each}`);
    if (attribute !== undefined) attributes[attribute] = value;
    else if (lower === "content-type") attributes.datacontenttype = value;
    else if (lower === "traceparent") attributes.traceparent ??= value;
    else if (!isReserved(name, prefix)) define(foreign, name, value);
  }
  return envelopeOf(attributes, foreign, { data: textOr(data, attributes.datacontenttype), fallback });
}

/** Structured mode, for HTTP and for reading. Data whose text would not survive a JSON parser goes as base64 of its bytes. */
export function toStructured(envelope: Envelope): string {
  const { data, headers } = envelope;
  const body: Record<string, unknown> = { ...attributesOf(envelope) };
  if (Object.keys(headers).length > 0) body["headers"] = JSON.stringify(headers);
  const parsed = typeof data === "string" ? parse(data) : undefined;
  if (parsed !== undefined && JSON.stringify(parsed.value) === data) body["data"] = parsed.value;
  else body["data_base64"] = Buffer.from(data).toString("base64");
  return JSON.stringify(body);
}

/** The opposite of `toStructured`; throws a TypeError for what is not a CloudEvent. Unknown attributes become headers. */
export function fromStructured(text: string, fallback: Fallback): Envelope {
  const body = parse(text)?.value;
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new TypeError("This is not a CloudEvent in JSON.");
  const attributes: Attributes = {};
  const foreign: Record<string, string> = {};
  let data: string | Uint8Array = "";
  for (const [name, value] of Object.entries(body)) {
    const attribute = attributeNames.find((each) => each === name);
    if (attribute !== undefined) attributes[attribute] = textOf(value);
    else if (name === "data") data = JSON.stringify(value);
    else if (name === "data_base64") data = Buffer.from(String(value), "base64");
    else if (name === "headers")
      for (const [header, content] of Object.entries(recordIn(value))) define(foreign, header, String(content));
    else define(foreign, name, textOf(value));
  }
  if (attributes.specversion !== "1.0") throw new TypeError("This is not a CloudEvent of version 1.0.");
  return envelopeOf(attributes, foreign, { data: textOr(data, attributes.datacontenttype), fallback });
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const attributesOf = (envelope: Envelope): Attributes => ({
  specversion: "1.0",
  id: envelope.id,
  source: envelope.source,
  type: envelope.type,
  time: envelope.time,
  datacontenttype: typeof envelope.data === "string" ? json : octets,
  partitionkey: envelope.key,
  schemaversion: String(envelope.version),
  correlationid: envelope.correlationId,
  ...(envelope.causationId === undefined ? {} : { causationid: envelope.causationId }),
  ...(envelope.traceparent === undefined ? {} : { traceparent: envelope.traceparent }),
});

function envelopeOf(
  attributes: Attributes,
  headers: Readonly<Record<string, string>>,
  { data, fallback }: { readonly data: string | Uint8Array; readonly fallback: Fallback },
): Envelope {
  const { id = fallback.id, schemaversion = "1" } = attributes;
  return {
    id,
    source: attributes.source ?? fallback.source,
    type: attributes.type ?? fallback.type,
    // What is not a number is a version that no consumer knows.
    version: /^[0-9]{1,9}$/.test(schemaversion) ? Number(schemaversion) : 0,
    key: attributes.partitionkey ?? fallback.key,
    time: attributes.time ?? fallback.time,
    correlationId: attributes.correlationid ?? id,
    causationId: attributes.causationid,
    traceparent: attributes.traceparent,
    headers,
    data,
  };
}

function isReserved(name: string, prefix: string): boolean {
  const lower = name.toLowerCase();
  return lower.startsWith(prefix.toLowerCase()) || lower === "content-type" || lower === "traceparent";
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOr(data: string | Uint8Array, contentType: string | undefined): string | Uint8Array {
  if (typeof data === "string" || contentType === octets) return data;
  try {
    return utf8.decode(data);
  } catch {
    return data;
  }
}

/** A name such as `__proto__` stays an own field. */
function define(record: Record<string, string>, name: string, value: string): void {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseKeepingDigits(text) };
  } catch {
    return undefined;
  }
}

/** The headers of a structured event: an object in JSON text. */
function recordIn(text: unknown): object {
  const value = typeof text === "string" ? parse(text)?.value : undefined;
  return typeof value === "object" && value !== null ? value : {};
}
