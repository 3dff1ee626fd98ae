import { GetRegistrationHistory } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getRegistrationHistory = handle(GetRegistrationHistory, async ({ params, registrations, reply }) =>
  reply(200, { items: await registrations.history(params.registrationId) }),
);
