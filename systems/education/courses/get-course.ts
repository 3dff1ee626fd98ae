import { GetCourse } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getCourse = handle(GetCourse, async ({ params, courses, reply }) =>
  reply(200, await courses.require(params.courseId)),
);
