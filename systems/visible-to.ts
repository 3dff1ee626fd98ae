import type { Caller } from "holdfast/contract";

/** A guest's record (without an owner) is reachable by its unguessable id; a user's by that user, operators and services. */
export function isVisibleTo(caller: Caller | undefined, owner: string | null | undefined): boolean {
  if (owner === null || owner === undefined || caller?.kind === "service") return true;
  return caller !== undefined && (caller.id === owner || caller.roles.includes("operator"));
}
