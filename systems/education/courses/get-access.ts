import { isGuest, isVisibleTo } from "../../visible-to.ts";
import { GetAccess, NoAccess } from "./contracts.ts";
import { handle } from "./scope.ts";

/** Denied and absent look alike: what another user learns is nobody else's business. */
export const getAccess = handle(GetAccess, async ({ params: { courseId, userId }, caller, seats, reply }) => {
  const access = isVisibleTo(caller, isGuest(userId) ? undefined : userId)
    ? await seats.access({ userId, courseId })
    : undefined;
  if (access === undefined) throw NoAccess({ courseId, userId });
  const { registrationId, since } = access;
  return reply(200, { registrationId, userId, courseId, since: since.toISOString() });
});
