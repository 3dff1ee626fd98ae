import { activateAccess } from "./activate-access.ts";
import * as contracts from "./contracts.ts";
import { getAccess } from "./get-access.ts";
import { getCourse } from "./get-course.ts";
import { listCourses } from "./list-courses.ts";
import { putCourse } from "./put-course.ts";
import { releaseAccess } from "./release-access.ts";
import { assemble } from "./scope.ts";

export const courses = assemble(contracts, {
  routes: { ListCourses: listCourses, GetCourse: getCourse, PutCourse: putCourse, GetAccess: getAccess },
  consumers: [activateAccess, releaseAccess],
});
