import { notifications } from "../notifications/service.ts";
import { courses } from "./courses/service.ts";
import { registrations } from "./registrations/service.ts";

/** The school, and what tells its people. */
export const education = [
  registrations,
  // payments stands here.
  courses,
  notifications,
] as const;
