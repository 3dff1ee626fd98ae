import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  createRemoteJWKSet,
  exportJWK,
  jwtVerify,
  SignJWT,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
} from "jose";
import { kitProblems, type Caller } from "../contract/index.ts";
import type { Clock } from "../runtime/index.ts";

export const issuer = "holdfast";
export const audience = "holdfast";

export interface VerifierOptions {
  /** A key set, or the address of one (RFC 7517). */
  readonly keys: JSONWebKeySet | URL;
  /** Keys by which services of this installation name themselves; a user's token that they signed is refused. @default none */
  readonly serviceKeys?: JSONWebKeySet | undefined;
  readonly clock: Clock;
  /** A key set at an address is asked for again, for a key that it did not have, at most this often. @default 30000 */
  readonly jwksCooldownMs?: number;
}

/**
 * Gives the caller that a token names; rejects, with a reason for the log, for any other token. EdDSA only.
 * Rejects with `kit/unavailable` where the key set cannot be fetched: that says nothing of the token.
 */
export type Verify = (token: string) => Promise<Caller>;

const cacheSize = 10_000;

export function verifier({
  keys,
  serviceKeys = { keys: [] },
  clock,
  jwksCooldownMs = 30_000,
}: VerifierOptions): Verify {
  const userKey = keys instanceof URL ? remoteKeys(keys, jwksCooldownMs) : createLocalJWKSet(keys);
  const serviceKey = createLocalJWKSet(serviceKeys);
  const ofServices = new Set(serviceKeys.keys.map(({ kid }) => kid));
  const getKey: JWTVerifyGetKey = (header, token) =>
    (ofServices.has(header?.kid) ? serviceKey : userKey)(header, token);
  const verified = new Map<string, { readonly caller: Caller; readonly until: number }>();
  return async (token) => {
    const known = verified.get(token);
    if (known !== undefined && known.until > clock.now()) return known.caller;
    const { payload, protectedHeader } = await jwtVerify(token, getKey, {
      algorithms: ["EdDSA"],
      issuer,
      audience,
      clockTolerance: 5,
      requiredClaims: ["sub", "exp"],
      currentDate: new Date(clock.now()),
    });
    const caller = callerOf(payload.sub ?? "", payload);
    if (caller.kind !== "service" && ofServices.has(protectedHeader.kid))
      throw new Error("A key of services signed a user's token.");
    if (verified.size >= cacheSize) {
      const [oldest] = verified.keys();
      if (oldest !== undefined) verified.delete(oldest);
    }
    verified.set(token, { caller, until: (payload.exp ?? 0) * 1000 });
    return caller;
  };
}

/** What is wrong with the token, or with the key that it names, not with the way to the keys. */
const ofTheToken = new Set(["ERR_JWKS_NO_MATCHING_KEY", "ERR_JWKS_MULTIPLE_MATCHING_KEYS", "ERR_JOSE_NOT_SUPPORTED"]);

function remoteKeys(url: URL, cooldownDuration: number): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { cooldownDuration });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof Error && "code" in error && ofTheToken.has(String(error.code))) throw error;
      throw kitProblems.unavailable({ reason: "The keys of tokens cannot be fetched." }, { cause: error });
    }
  };
}

/** What a subject is stands in a claim of its own: whatever users call themselves, none of them is a service. */
function callerOf(subject: string, { kind, roles }: JWTPayload): Caller {
  if (kind === "service") return { kind, name: subject };
  return {
    kind: "user",
    id: subject,
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === "string") : [],
  };
}

export interface SigningKeys {
  readonly privateKey: ReturnType<typeof createPrivateKey>;
  readonly keyId: string;
  readonly jwks: JSONWebKeySet;
}

/** The key of a development platform, for tokens of users and services: made once in the data directory, readable by its owner only. */
export const developmentKeys = (dataDirectory: string): Promise<SigningKeys> =>
  keysOf(path.join(dataDirectory, "keys", "signing.pem"));

/** The key by which services name themselves where users' tokens are verified by another issuer's keys; made and kept like the development key. */
export const serviceKeys = (dataDirectory: string): Promise<SigningKeys> =>
  keysOf(path.join(dataDirectory, "keys", "services.pem"));

async function keysOf(file: string): Promise<SigningKeys> {
  let pem = read(file);
  if (pem === undefined) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const made = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const draft = `${file}.${randomUUID()}`;
    writeFileSync(draft, made, { mode: 0o600, flush: true });
    // Who links first has made the key; two processes that start at once end up with the same one.
    try {
      linkSync(draft, file);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    } finally {
      unlinkSync(draft);
    }
    pem = read(file) ?? made;
  }
  const privateKey = createPrivateKey(pem);
  const jwk = await exportJWK(createPublicKey(privateKey));
  const keyId = await calculateJwkThumbprint(jwk);
  return { privateKey, keyId, jwks: { keys: [{ ...jwk, kid: keyId, alg: "EdDSA", use: "sig" }] } };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

export interface TokenRequest {
  readonly caller: Caller;
  /** Seconds. @default 3600 */
  readonly lifetime?: number;
  readonly clock: Clock;
}

export async function mintToken(keys: SigningKeys, { caller, lifetime = 3600, clock }: TokenRequest): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  return new SignJWT(caller.kind === "user" ? { roles: [...caller.roles] } : { kind: "service" })
    .setProtectedHeader({ alg: "EdDSA", kid: keys.keyId })
    .setSubject(caller.kind === "user" ? caller.id : caller.name)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + lifetime)
    .sign(keys.privateKey);
}

const serviceLifetime = 3_600;

/** Tokens by which services name themselves to each other, minted anew in good time before they end. */
export function serviceTokens(keys: SigningKeys, clock: Clock): (service: string) => Promise<string> {
  const minted = new Map<string, { readonly token: Promise<string>; readonly until: number }>();
  return (service) => {
    const known = minted.get(service);
    if (known !== undefined && known.until > clock.now()) return known.token;
    const token = mintToken(keys, { caller: { kind: "service", name: service }, lifetime: serviceLifetime, clock });
    minted.set(service, { token, until: clock.now() + (serviceLifetime / 2) * 1_000 });
    return token;
  };
}
