import {
  createLocalJWKSet,
  createRemoteJWKSet,
  jwtVerify,
  SignJWT,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
} from "jose";
import { kitProblems, type Caller } from "../contract/index.ts";
import type { Clock } from "../runtime/index.ts";
import type { SigningKeys } from "./development-keys.ts";

export const issuer = "holdfast";
export const audience = "holdfast";

export interface VerifierOptions {
  /** A key set, or the address of one (RFC 7517). */
  readonly keys: JSONWebKeySet | URL;
  /** Keys by which services of this installation name themselves; a user's token that they signed is refused. @default none */
  readonly serviceKeys?: JSONWebKeySet | undefined;
  readonly clock: Clock;
  /** The services that exist: a token of another name is refused. @default any name is taken */
  readonly services?: ReadonlySet<string>;
  /** A key set at an address is asked for again, for a key that it did not have, at most this often. @default 30000 */
  readonly jwksCooldownMs?: number;
  /** Told why a key set cannot be fetched, at most every ten seconds. @default nobody */
  readonly unreachable?: (error: unknown) => void;
}

/**
 * Gives the caller that a token names; rejects, with a reason for the log, for any other token. EdDSA only.
 * Rejects with `kit/unavailable` where the key set cannot be fetched: that says nothing of the token.
 */
export type Verify = (token: string) => Promise<Caller>;

const cacheSize = 10_000;

export function verifier(options: VerifierOptions): Verify {
  const { keys, serviceKeys = { keys: [] }, clock, services } = options;
  const userKey = keys instanceof URL ? remoteKeys(keys, options) : createLocalJWKSet(keys);
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
    refuseName(caller, services);
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

const tellEveryMs = 10_000;

function remoteKeys(url: URL, { clock, jwksCooldownMs = 30_000, unreachable }: VerifierOptions): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { cooldownDuration: jwksCooldownMs });
  let toldAt = Number.NEGATIVE_INFINITY;
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof Error && "code" in error && ofTheToken.has(String(error.code))) throw error;
      if (clock.monotonic() - toldAt >= tellEveryMs) {
        toldAt = clock.monotonic();
        unreachable?.(error);
      }
      throw kitProblems.unavailable({ reason: "The keys of tokens cannot be fetched." }, { cause: error });
    }
  };
}

/**
 * Ids that begin so are guests', such as `guest:<id of a record>`, and no user's: a token with such a subject is refused. Whatever a service keeps
 * under one can never belong to somebody who signs in.
 */
export const guestPrefix = "guest:";

/** Throws, with a reason for the log, for a caller that cannot be. */
function refuseName(caller: Caller, services: ReadonlySet<string> | undefined): void {
  if (caller.kind === "service") {
    if (services?.has(caller.name) === false) throw new Error(`There is no service ${caller.name}.`);
  } else if (caller.id.startsWith(guestPrefix) || !isSubject(caller.id))
    throw new Error(
      `No user can have the id "${caller.id}": it begins with "${guestPrefix}", has control characters, or is not 1 to 255 characters long.`,
    );
}

/** At most 255 characters (OpenID Connect Core 1.0, section 2), all of which a store can keep. */
const isSubject = (id: string): boolean => id.length <= 255 && /^\P{Cc}+$/u.test(id) && id.isWellFormed();

/** What a subject is stands in a claim of its own: whatever users call themselves, none of them is a service. */
function callerOf(subject: string, { kind, roles }: JWTPayload): Caller {
  if (kind === "service") return { kind, name: subject };
  return {
    kind: "user",
    id: subject,
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === "string") : [],
  };
}

export interface TokenRequest {
  readonly caller: Caller;
  /** Seconds. @default 3600 */
  readonly lifetime?: number;
  readonly clock: Clock;
}

/** Throws for the id of a guest, whose token would be refused everywhere. */
export async function mintToken(keys: SigningKeys, { caller, lifetime = 3600, clock }: TokenRequest): Promise<string> {
  refuseName(caller, undefined);
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
    const half = (serviceLifetime / 2) * 1_000;
    // One that would be kept for longer than that was minted by a clock that was ahead.
    if (known !== undefined && known.until > clock.now() && known.until <= clock.now() + half) return known.token;
    const token = mintToken(keys, { caller: { kind: "service", name: service }, lifetime: serviceLifetime, clock });
    minted.set(service, { token, until: clock.now() + half });
    return token;
  };
}
