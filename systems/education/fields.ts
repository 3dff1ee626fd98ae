import { t } from "holdfast/contract";

const id = (description: string) => t.String({ pattern: "^[A-Za-z0-9_-]{1,64}$", description });

export const registrationId = t.String({ format: "uuid" });
export const userId = id("Who learns, by whatever name the user is known elsewhere");
export const courseId = id("A course, such as 10");
export const email = t.String({ format: "email", maxLength: 254 });
/** What stands in every event of a registration. */
export const subject = { registrationId, userId, courseId };
