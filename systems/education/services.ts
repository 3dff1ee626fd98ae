import { notifications } from "../notifications/service.ts";
import { courses } from "./courses/service.ts";
import { payments } from "./payments/service.ts";
import { registrations } from "./registrations/service.ts";

/** The school, and what tells its people. */
export const education = [registrations, payments, courses, notifications] as const;
