import { t } from "holdfast/contract";

const id = (description: string) => t.String({ pattern: "^[A-Za-z0-9_-]{1,64}$", description });

export const registrationId = t.String({ format: "uuid" });
export const userId = id("A signed-in user's own id; a guest may say any name");
/** Of a user, it is the subject of the token. */
export const learnerId = t.String({
  minLength: 1,
  maxLength: 255,
  description: "Who learns: a signed-in user's id, or guest:<registrationId>",
});
export const courseId = id("A course, such as 10");
export const email = t.String({ format: "email", maxLength: 254 });
/** What stands in every event of a registration. */
export const subject = { registrationId, userId: learnerId, courseId };
