import { preferences } from "./collections.ts";
import { GetPreferences, PutPreferences, type Preferences } from "./contracts.ts";
import { handle } from "./scope.ts";

/** Who has said nothing wants everything. */
const unsaid: Preferences = { email: true, muted: [] };

export const getPreferences = handle(GetPreferences, async ({ params, docs, reply }) =>
  reply(200, (await docs.preferences.find(params.customerId)) ?? unsaid),
);

export const putPreferences = handle(
  PutPreferences,
  preferences.by(({ params }) => params.customerId),
  async ({ body, document, reply }) => {
    document.set(body);
    return Promise.resolve(reply(200, body));
  },
);
