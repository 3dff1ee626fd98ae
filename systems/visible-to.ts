import { guestPrefix } from "holdfast/access";
import type { Caller, User } from "holdfast/contract";
import { raw } from "holdfast/sql";

/**
 * Who sees a record. A guest's record has no owner, and is reachable by its unguessable id. A user's is seen by that user, by operators, and by services:
 * on behalf of a caller no more than that caller sees, in their own name everything. Consumers and jobs act in the name of their own service.
 */
export function isVisibleTo(caller: Caller | undefined, owner: string | null | undefined): boolean {
  return owner === null || owner === undefined || seesAll(caller) || userOf(caller)?.id === owner;
}

/** The same as a condition on a table with a column `owner`: a store puts it into every query that reads for somebody. */
export function visibleTo(caller: Caller | undefined) {
  if (seesAll(caller)) return raw<boolean>`true`;
  const id = userOf(caller)?.id;
  return id === undefined ? raw<boolean>`"owner" is null` : raw<boolean>`("owner" is null or "owner" = ${id})`;
}

/** Who owns what the caller makes: the signed-in user. Undefined for a guest's, and for what a service makes in its own name. */
export const ownerOf = (caller: Caller | undefined): string | undefined => userOf(caller)?.id;

/** For what nobody asks for, such as news of a payment gateway. */
export const everybody: Caller = { kind: "service", name: "platform" };

/** Who a guest is where a user's id would stand: nobody who signs in, and nobody else's guest. */
export const guestOf = (recordId: string): string => `${guestPrefix}${recordId}`;
export const isGuest = (personId: string): boolean => personId.startsWith(guestPrefix);

function seesAll(caller: Caller | undefined): boolean {
  if (caller?.kind === "service") return caller.onBehalfOf === undefined || seesAll(userOf(caller));
  return caller?.roles.includes("operator") === true;
}

/** The user who asks, also through a service. */
function userOf(caller: Caller | undefined): User | undefined {
  const asks = caller?.kind === "service" ? caller.onBehalfOf : caller;
  return asks?.kind === "user" ? asks : undefined;
}
