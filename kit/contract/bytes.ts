import type { TSchema } from "typebox";

/** A body that is no JSON to us: its bytes reach the handler as they came. */
export interface BytesSchema extends TSchema {
  readonly "~kind": "Bytes";
  readonly mediaTypes: readonly string[];
}

/**
 * A request's body as bytes, for what is signed as it is sent, or is no JSON: `body: bytes("application/json")`. It may come as one of the media types, whatever
 * their parameters; callers send the first. It has at least one byte, and at most what `limits.bodyBytes` says. What an error quotes of it cannot be known, and is logged.
 */
export const bytes = (...mediaTypes: readonly [string, ...string[]]): BytesSchema => ({ "~kind": "Bytes", mediaTypes });

/** The media types of a body of bytes; undefined for every other schema, and for none. */
export function mediaTypesOf(schema: TSchema | undefined): readonly string[] | undefined {
  return schema !== undefined && isBytes(schema) ? schema.mediaTypes : undefined;
}

const isBytes = (schema: TSchema): schema is BytesSchema => "~kind" in schema && schema["~kind"] === "Bytes";
