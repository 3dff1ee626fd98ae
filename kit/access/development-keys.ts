import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, type KeyObject } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { calculateJwkThumbprint, exportJWK, type JSONWebKeySet } from "jose";
import { tighten } from "../runtime/index.ts";

export interface SigningKeys {
  readonly privateKey: KeyObject;
  readonly keyId: string;
  readonly jwks: JSONWebKeySet;
}

const fileOf = (dataDirectory: string, name = "signing"): string => path.join(dataDirectory, "keys", `${name}.pem`);

/** The key of a development platform: made once in the data directory, with mode 0600. Throws an error that names the file where it cannot be used. */
export const developmentKeys = (dataDirectory: string): Promise<SigningKeys> => made(fileOf(dataDirectory));

/** The key by which services name themselves where users' tokens come from another issuer; made and kept like the development key. */
export const serviceKeys = (dataDirectory: string): Promise<SigningKeys> => made(fileOf(dataDirectory, "services"));

const made = async (file: string): Promise<SigningKeys> => keysOf(file, read(file) ?? make(file));

/** As `developmentKeys`, without making any: undefined where the data directory has none. */
export async function knownKeys(dataDirectory: string): Promise<SigningKeys | undefined> {
  const file = fileOf(dataDirectory);
  const pem = read(file);
  return pem === undefined ? undefined : keysOf(file, pem);
}

function make(file: string): string {
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const draft = `${file}.${randomUUID()}`;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(draft, pem, { mode: 0o600, flush: true });
    // Who links first has made the key; two processes that start at once end up with the same one.
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST"))
      throw new Error(`The signing key ${file} cannot be made: ${String(error)}`, { cause: error });
  } finally {
    rmSync(draft, { force: true });
  }
  return read(file) ?? pem;
}

async function keysOf(file: string, pem: string): Promise<SigningKeys> {
  const privateKey = privateKeyOf(file, pem);
  const jwk = await exportJWK(createPublicKey(privateKey));
  const keyId = await calculateJwkThumbprint(jwk);
  return { privateKey, keyId, jwks: { keys: [{ ...jwk, kid: keyId, alg: "EdDSA", use: "sig" }] } };
}

function privateKeyOf(file: string, pem: string): KeyObject {
  const fault = (what: string, cause?: unknown) =>
    new Error(
      `${file} ${what}. Restore it, or delete it: the next start makes a new key, and tokens of the old one are refused.`,
      { cause },
    );
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== "ed25519")
      throw fault(`is a key of type ${key.asymmetricKeyType ?? "unknown"}, not ed25519`);
    return key;
  } catch (error) {
    throw error instanceof Error && error.message.startsWith(file)
      ? error
      : fault("is not a private key in PEM", error);
  }
}

function read(file: string): string | undefined {
  try {
    const pem = readFileSync(file, "utf8");
    tighten(path.dirname(file), 0o700);
    tighten(file);
    return pem;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(
      `The signing key ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}
