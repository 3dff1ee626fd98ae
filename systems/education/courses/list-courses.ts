import { pageOf } from "holdfast/contract";
import { ListCourses } from "./contracts.ts";
import { handle } from "./scope.ts";

export const listCourses = handle(ListCourses, async ({ query, courses, reply }) =>
  reply(
    200,
    await pageOf(query, {
      read: (after: string | undefined, limit) => courses.list({ after, limit }),
      cursor: ({ courseId }) => courseId,
    }),
  ),
);
