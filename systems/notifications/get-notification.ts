import { GetNotification, UnknownNotification } from "./contracts.ts";
import { shown } from "./notification.ts";
import { handle } from "./scope.ts";

export const getNotification = handle(GetNotification, async ({ params: { notificationId }, docs, reply }) => {
  const found = await docs.notifications.find(notificationId);
  if (found === undefined) throw UnknownNotification({ notificationId });
  return reply(200, shown(notificationId, found));
});
