import { kitProblems, type User } from "holdfast/contract";
import { preferences } from "./collections.ts";
import { GetPreferences, PutPreferences, type Preferences } from "./contracts.ts";
import { handle } from "./scope.ts";

/** Of a user who never said anything: all of it, by mail. */
const unsaid: Preferences = { email: true, muted: [] };

/** Everybody's own business, and operators'. */
function checkOwner({ id, roles }: User, userId: string): void {
  if (id !== userId && !roles.includes("operator")) throw kitProblems.forbidden({});
}

export const getPreferences = handle(GetPreferences, async ({ params: { userId }, caller, docs, reply }) => {
  checkOwner(caller, userId);
  return reply(200, (await docs.preferences.find(userId)) ?? unsaid);
});

export const putPreferences = handle(
  PutPreferences,
  preferences.by(({ params }) => params.userId),
  async ({ params, body, caller, document, reply }) => {
    checkOwner(caller, params.userId);
    document.set(body);
    return Promise.resolve(reply(200, body));
  },
);
