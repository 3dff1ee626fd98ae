import { isIPv6 } from "node:net";
import { canonicalJson } from "../contract/index.ts";
import type { KeyClaim } from "../messaging/index.ts";
import type { Derivation } from "../runtime/index.ts";
import type { Input } from "./routes.ts";
import type { Dispatch } from "./running.ts";

/** A key of so many characters can hold 128 random bits, as UUIDs do: it is taken for unique. Two guests may come upon the same shorter one. */
export const uniqueKeyLength = 22;

/** What a request says by its Idempotency-Key; undefined where it has none. Digests: neither keys nor requests can be read from what is stored. */
export function keyClaim(request: Dispatch, input: Input, derivation: Derivation): KeyClaim | undefined {
  const { endpoint, idempotencyKey: key } = request;
  if (endpoint.spec.idempotent !== true || key === undefined) return undefined;
  return {
    scope: derivation.digest("key", principalOf(request, key), endpoint.route, key),
    fingerprint: derivation.digest("request", canonicalJson([input.params, input.query, input.body])),
  };
}

/** Whose key it is: a guest's short one is that of the network that the guest is in. */
function principalOf({ caller, address }: Dispatch, key: string): string {
  if (caller !== undefined) return caller.kind === "user" ? `user:${caller.id}` : `service:${caller.name}`;
  return key.length >= uniqueKeyLength || address === undefined ? "guest" : `guest:${networkOf(address)}`;
}

/** An IPv4 address as it is, also where it is mapped into IPv6; of any other IPv6 address the /64, which one client may have to itself. */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, "");
  if (!isIPv6(plain)) return address;
  // As RFC 5952 has it: one form of each address.
  const [head = "", tail = ""] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split("::");
  const [left, right] = [head, tail].map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array<string>(8 - (left?.length ?? 0) - (right?.length ?? 0)).fill("0");
  const groups = [...(left ?? []), ...zeros, ...(right ?? [])];
  if (groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff") {
    const bytes = groups.slice(6).flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    });
    return bytes.join(".");
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}
