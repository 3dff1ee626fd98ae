import { isProblem, kitProblems, type Caller } from "holdfast/contract";
import type { Outside } from "holdfast/service";
import { ownerOf } from "../../visible-to.ts";
import { GetCourse, UnknownCourse as CoursesDoesNotKnow } from "../courses/contracts.ts";
import { Register, RegistrationCreated, UnknownCourse } from "./contracts.ts";
import { ExpireRegistration } from "./jobs.ts";
import type { KnownCourse, KnownCourses } from "./known-courses.ts";
import { learnerOf } from "./registration-store.ts";
import { handle } from "./scope.ts";

export const register = handle(Register, {
  /** `course.updated` may not have come yet: then courses is asked. */
  prepare: async ({ query, caller, courses, call }) => {
    refuseAnother(caller, query.user_id);
    return askForCourse({ courses, call }, query.course_id);
  },
  run: async ({ query, prepared: asked, caller, registrations, courses, publish, enqueue, newId, now, ...given }) => {
    const { user_email: email, course_id: courseId } = query;
    if (asked !== undefined) await courses.remember(asked);
    const total = await courses.price(courseId);
    const owner = ownerOf(caller);
    const registrationId = newId();
    const learner = learnerOf({ registrationId, owner });
    const registration = await registrations.insert({
      registrationId,
      userId: query.user_id ?? learner,
      courseId,
      email,
      owner,
      total,
      at: now(),
    });
    publish(RegistrationCreated, {
      registrationId,
      userId: learner,
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

/** Who is signed in registers nobody else, operators neither. What a guest says is a name, and nobody's id. */
function refuseAnother(caller: Caller | undefined, userId: string | undefined): void {
  const owner = ownerOf(caller);
  if (owner !== undefined && userId !== undefined && userId !== owner) throw kitProblems.forbidden({});
}

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
