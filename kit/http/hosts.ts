import { isIP } from "node:net";
import { isLoopback } from "../runtime/index.ts";

/** Whether requests with this Host header are answered. */
export type AllowsHost = (header: string) => boolean;

export interface HostOptions {
  /** The name or address on which the server listens. */
  readonly host: string;
  /** More names: `shop.test`, `*.shop.test` for all below it, or `*` for any. @default none */
  readonly names?: readonly string[];
}

/** A host as a Host header has it (RFC 9110, section 7.2; RFC 3986, section 3.2.2), and its port. */
const form = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;

/** Whether a Host header is one at all; an empty one is. */
export const isHostHeader = (header: string): boolean => form.test(header);

/**
 * Allows the names and addresses of this machine's loopback, the host itself, and `names`. A page of another site reaches a server on this machine under a
 * name of its own that it lets point to 127.0.0.1 (DNS rebinding). It cannot do so with an address: a server that listens on all of them is reached by any.
 */
export function allowsHost({ host, names: given = [] }: HostOptions): AllowsHost {
  const own = nameIn(host);
  const anyAddress = own === "0.0.0.0" || own === "::";
  const names = given.map((name) => name.trim().toLowerCase()).filter((name) => name !== "");
  if (names.includes("*")) return () => true;
  return (header) => {
    const name = nameIn(form.exec(header)?.[1] ?? "");
    return (
      isLoopback(name) ||
      name === own ||
      names.some((wanted) => fits(name, wanted)) ||
      // Also where it is another one than the server's: rebinding needs a name.
      (anyAddress && isIP(name) !== 0)
    );
  };
}

/** @param wanted a name, or `*.` and the name above it */
const fits = (name: string, wanted: string): boolean =>
  wanted.startsWith("*.") ? name.endsWith(wanted.slice(1)) : name === wanted;

/** Without brackets, and without the dot that ends a full name. */
const nameIn = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
