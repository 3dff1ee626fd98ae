import { contracts, page, pageQuery, t, type Value } from "holdfast/contract";
import { minorUnits, Money, Price } from "../../money.ts";
import { courseId, email, learnerId, subject } from "../fields.ts";

const { endpoint, event, problem } = contracts("courses", { exchange: "registrations" });

const seats = (description: string) => t.Integer({ minimum: 0, maximum: 1_000_000, description });
const amount = t.Integer({ minimum: 1, maximum: 100_000_000, description: minorUnits });
const about = {
  title: t.String({ minLength: 1, maxLength: 200 }),
  price: t.Object({ ...Money.properties, amount }),
};
export const Course = t.Object({
  courseId,
  ...about,
  seats: seats("How many can take it at a time"),
  taken: seats("How many take it"),
});
export interface Course extends Value<typeof Course> {}

export const UnknownCourse = problem("courses/unknown-course", {
  status: 404,
  retryable: false,
  summary: "No such course",
  detail: "There is no course {courseId}.",
  facts: t.Object({ courseId: t.String() }),
});
export const BelowTaken = problem("courses/below-taken", {
  status: 409,
  retryable: false,
  summary: "There would be fewer seats than are taken",
  detail: "{taken} seats of the course {courseId} are taken; it cannot have {seats}.",
  facts: t.Object({ courseId: t.String(), taken: t.Integer(), seats: t.Integer() }),
});
export const NoAccess = problem("courses/no-access", {
  status: 404,
  retryable: false,
  summary: "The user has no access to the course",
  detail: "The user {userId} has no access to the course {courseId}.",
  facts: t.Object({ courseId: t.String(), userId: t.String() }),
});

export const CourseUpdated = event("course.updated", {
  version: 1,
  key: "courseId",
  summary: "A course is new, or it, its price or its seats have changed",
  data: t.Object({ courseId, ...about, seats: t.Integer() }),
});
export const RegistrationCompleted = event("registration.completed", {
  version: 1,
  key: "registrationId",
  summary: "The user has a seat and access to the course",
  data: t.Object({ ...subject, email, title: t.String() }),
});
export const RegistrationRefused = event("registration.refused", {
  version: 1,
  key: "registrationId",
  summary: "A paid registration gets no seat: what was paid is to be given back",
  data: t.Object({ ...subject, reason: t.String() }),
});
export const RegistrationReleased = event("registration.released", {
  version: 1,
  key: "registrationId",
  summary: "No seat and no access stand for a cancelled registration, now or later: what was paid is to be given back",
  data: t.Object(subject),
});

const byId = { params: t.Object({ courseId }) } as const;
export const ListCourses = endpoint("GET /courses", {
  summary: "The courses, by their ids",
  access: "anyone",
  query: t.Object(pageQuery),
  replies: { 200: page(Course) },
});
export const GetCourse = endpoint("GET /courses/{courseId}", {
  summary: "A course",
  access: "anyone",
  ...byId,
  replies: { 200: Course },
  problems: [UnknownCourse],
});
export const PutCourse = endpoint("PUT /courses/{courseId}", {
  summary: "Create a course, or change it",
  access: "operator",
  ...byId,
  body: t.Object({
    ...about,
    price: t.Object({ ...Price.properties, amount }),
    seats: Course.properties.seats,
  }),
  replies: { 200: Course },
  problems: [BelowTaken],
});
export const GetAccess = endpoint("GET /courses/{courseId}/access/{userId}", {
  summary: "Whether somebody may take a course",
  description:
    "A user's access is shown to that user and to operators; a guest's, `guest:<registrationId>`, to anyone who knows it.",
  access: "anyone",
  params: t.Object({ courseId, userId: learnerId }),
  replies: { 200: t.Object({ ...subject, since: t.String({ format: "date-time" }) }) },
  problems: [NoAccess],
});
