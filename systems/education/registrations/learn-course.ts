import { CourseUpdated } from "../courses/contracts.ts";
import { on } from "./scope.ts";

export const learnCourse = on(CourseUpdated, async ({ data, courses }) => {
  await courses.learn(data);
});
