import type { Guest, User } from "./contracts.ts";

/** The header by which a service says on whose behalf it calls another one. It narrows what a service token may see, and is ignored without one. */
export const onBehalfOfHeader = "x-on-behalf-of";

/** `guest`, or the user as JSON in base64url: ids may have characters that a header may not. */
export const writeOnBehalfOf = (who: User | Guest): string =>
  who.kind === "guest" ? "guest" : Buffer.from(JSON.stringify([who.id, ...who.roles])).toString("base64url");

/** Undefined for a header that `writeOnBehalfOf` did not write. */
export function readOnBehalfOf(header: string): User | Guest | undefined {
  if (header === "guest") return { kind: "guest" };
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, "base64url").toString());
    if (!Array.isArray(parsed)) return undefined;
    const [id, ...roles] = parsed as readonly unknown[]; // Proof: any element is unknown.
    if (typeof id !== "string" || id === "" || !roles.every((role) => typeof role === "string")) return undefined;
    return { kind: "user", id, roles };
  } catch {
    return undefined;
  }
}
