import { kitProblems, type User } from "holdfast/contract";
import { preferences } from "./collections.ts";
import { GetPreferences, PutPreferences, type Preferences } from "./contracts.ts";
import { handle } from "./scope.ts";

/** Who has said nothing wants everything. */
const unsaid: Preferences = { email: true, muted: [] };

/** Everybody's own business, and operators'. */
function checkOwner({ id, roles }: User, personId: string): void {
  if (id !== personId && !roles.includes("operator")) throw kitProblems.forbidden({});
}

export const getPreferences = handle(GetPreferences, async ({ params: { personId }, caller, docs, reply }) => {
  checkOwner(caller, personId);
  return reply(200, (await docs.preferences.find(personId)) ?? unsaid);
});

export const putPreferences = handle(
  PutPreferences,
  preferences.by(({ params }) => params.personId),
  async ({ params, body, caller, document, reply }) => {
    checkOwner(caller, params.personId);
    document.set(body);
    return Promise.resolve(reply(200, body));
  },
);
