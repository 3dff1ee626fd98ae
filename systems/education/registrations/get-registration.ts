import { GetRegistration } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getRegistration = handle(GetRegistration, async ({ params, registrations, reply }) =>
  reply(200, await registrations.require(params.registrationId)),
);
