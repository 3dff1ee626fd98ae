import { RegistrationCancelled } from "../registrations/contracts.ts";
import { RegistrationReleased } from "./contracts.ts";
import { on } from "./scope.ts";
import { cancelled } from "./seat-life.ts";

/** A cancelled registration gives its seat back, and gets none where it is heard of before its payment. */
export const releaseAccess = on(RegistrationCancelled, async ({ data, courses, seats, publish, now }) => {
  const { registrationId, userId, courseId } = data;
  const { state, next } = cancelled(await seats.hear(data, now()));
  if (next === "none") return;
  await seats.move(registrationId, state, now());
  if (next === "free-and-release") await courses.count(courseId, -1);
  publish(RegistrationReleased, { registrationId, userId, courseId });
});
