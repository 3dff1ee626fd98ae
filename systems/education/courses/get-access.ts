import { isGuest, isVisibleTo } from "../../visible-to.ts";
import { GetAccess, NoAccess } from "./contracts.ts";
import { handle } from "./scope.ts";

/** Denied and absent look alike: what another user learns is nobody else's business. */
export const getAccess = handle(GetAccess, async ({ params, caller, seats, reply }) => {
  const { courseId } = params;
  const guest = isGuest(params.userId);
  // A guest's ends in a UUID, which may be written in capitals.
  const userId = guest ? params.userId.toLowerCase() : params.userId;
  const access = isVisibleTo(caller, guest ? undefined : userId) ? await seats.access({ userId, courseId }) : undefined;
  if (access === undefined) throw NoAccess({ courseId, userId });
  const { registrationId, since } = access;
  return reply(200, { registrationId, userId, courseId, since: since.toISOString() });
});
