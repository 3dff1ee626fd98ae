import { RegistrationPaid } from "../payments/contracts.ts";
import { RegistrationCompleted, RegistrationRefused } from "./contracts.ts";
import { on } from "./scope.ts";
import { paid } from "./seat-life.ts";

/** Who has paid gets access while there is a seat; the course's row is locked, so that none is given twice. */
export const activateAccess = on(RegistrationPaid, async ({ data, courses, seats, publish, now }) => {
  const { registrationId, userId, courseId, email } = data;
  const before = await seats.hear(data, now());
  const course = await courses.lock(courseId);
  const { state, next, reason = "" } = paid(before, course);
  if (next === "none") return;
  await seats.move(registrationId, state, now());
  if (next === "take") await courses.count(courseId, 1);
  const subject = { registrationId, userId, courseId };
  if (next === "take") publish(RegistrationCompleted, { ...subject, email, title: course?.title ?? "" });
  else publish(RegistrationRefused, { ...subject, reason });
});
