import { listOrder, pageOf } from "holdfast/contract";
import { courseId } from "../fields.ts";
import { ListCourses } from "./contracts.ts";
import { handle } from "./scope.ts";

const byId = listOrder("courses", courseId);

export const listCourses = handle(ListCourses, async ({ query, courses, reply }) =>
  reply(
    200,
    await pageOf(query, {
      order: byId,
      read: (after, limit) => courses.list({ after, limit }),
      position: (course) => course.courseId,
    }),
  ),
);
