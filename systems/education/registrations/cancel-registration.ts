import { CancelRegistration, HasFailed } from "./contracts.ts";
import { handle } from "./scope.ts";
import { tell } from "./tell.ts";

/** Asked for again, it is as it is: nothing is recorded twice. */
export const cancelRegistration = handle(
  CancelRegistration,
  async ({ params: { registrationId }, reply, ...given }) => {
    const { registrations } = given;
    const { stage, reason = "" } = (await registrations.lock(registrationId)).registration;
    if (stage === "failed") throw HasFailed({ registrationId, reason });
    if (stage !== "cancelling" && stage !== "cancelled")
      await tell(given, registrationId, { fact: "cancelled-by-user" });
    return reply(202, await registrations.require(registrationId));
  },
);
