import type { Access, Caller } from "../contract/index.ts";

export type Decision = "ok" | "unauthenticated" | "forbidden";

/** Operators are users with a role; services call what is for services and what is for anyone. */
export function mayCall(access: Access, caller: Caller | undefined): Decision {
  if (access === "anyone") return "ok";
  if (caller === undefined) return "unauthenticated";
  if (access === "service") return caller.kind === "service" ? "ok" : "forbidden";
  if (caller.kind === "service") return "forbidden";
  return access === "user" || caller.roles.includes("operator") ? "ok" : "forbidden";
}
