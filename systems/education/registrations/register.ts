import { isProblem } from "holdfast/contract";
import type { Outside } from "holdfast/service";
import { GetCourse, UnknownCourse as CoursesDoesNotKnow } from "../courses/contracts.ts";
import { Register, RegistrationCreated, UnknownCourse } from "./contracts.ts";
import { ExpireRegistration } from "./jobs.ts";
import type { KnownCourse, KnownCourses } from "./known-courses.ts";
import { handle } from "./scope.ts";

export const register = handle(Register, {
  /** `course.updated` may not have come yet: then courses is asked. */
  prepare: async ({ query, courses, call }) => askForCourse({ courses, call }, query.course_id),
  run: async ({ query, prepared: asked, caller, registrations, courses, publish, enqueue, newId, now, ...given }) => {
    const { user_id: userId, user_email: email, course_id: courseId } = query;
    if (asked !== undefined) await courses.remember(asked);
    const total = await courses.price(courseId);
    const owner = caller?.kind === "user" ? caller.id : undefined;
    const registrationId = newId();
    const registration = await registrations.insert({
      registrationId,
      userId,
      courseId,
      email,
      owner,
      total,
      at: now(),
    });
    publish(RegistrationCreated, {
      registrationId,
      userId,
      courseId,
      email,
      total,
      paymentMethod: query.payment_method ?? given.paymentMethod,
      ...(owner === undefined ? {} : { owner }),
    });
    enqueue(ExpireRegistration, { registrationId }, { afterMs: given.timeoutMs });
    return given.reply(201, registration, { location: `/registrations/${registrationId}` });
  },
});

async function askForCourse(
  { courses, call }: Pick<Outside, "call"> & { readonly courses: KnownCourses },
  courseId: string,
): Promise<KnownCourse | undefined> {
  if ((await courses.find(courseId)) !== undefined) return undefined;
  try {
    return (await call(GetCourse, { params: { courseId } })).body;
  } catch (error) {
    if (isProblem(error, CoursesDoesNotKnow.code)) throw UnknownCourse({ courseId });
    throw error;
  }
}
