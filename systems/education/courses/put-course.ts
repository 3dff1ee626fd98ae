import { CourseUpdated, PutCourse } from "./contracts.ts";
import { handle } from "./scope.ts";

export const putCourse = handle(PutCourse, async ({ params: { courseId }, body, courses, publish, reply }) => {
  const course = await courses.put({ courseId, ...body });
  const { title, price, seats } = course;
  publish(CourseUpdated, { courseId, title, price, seats });
  return reply(200, course);
});
