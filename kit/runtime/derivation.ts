import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { asUuid, framed } from "./ids.ts";

/** Bytes of a secret: as many as the HMAC gives back (RFC 2104, section 3). */
export const secretBytes = 32;

/**
 * Ids and digests under a secret: HMAC-SHA-256 over the parts, each with its length. Whoever has the secret gets the same ones for the same parts; nobody
 * else can compute them. The secret cannot be read back, and does not show in a log.
 */
export class Derivation {
  readonly #key: KeyObject;

  constructor(secret: Uint8Array) {
    if (secret.length !== secretBytes) throw new Error(`A secret for ids has ${String(secretBytes)} bytes.`);
    this.#key = createSecretKey(secret);
  }

  /** A UUIDv8 (RFC 9562). */
  id(...parts: readonly string[]): string {
    return asUuid(createHmac("sha256", this.#key).update(framed(parts)).digest("hex"));
  }

  /** 43 characters of base64url. */
  digest(...parts: readonly string[]): string {
    return createHmac("sha256", this.#key).update(framed(parts)).digest("base64url");
  }
}
