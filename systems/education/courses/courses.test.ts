import assert from "node:assert/strict";
import { test } from "node:test";
import { isProblem } from "holdfast/contract";
import { operator, start, user, type TestSystem } from "holdfast/testing";
import {
  CourseUpdated,
  GetAccess,
  GetCourse,
  ListCourses,
  PutCourse,
  RegistrationCompleted,
  RegistrationRefused,
  RegistrationReleased,
} from "./contracts.ts";
import { courses } from "./service.ts";

const price = { amount: 4_900, currency: "EUR" };
const put = (school: TestSystem, courseId: string, seats: number) =>
  school.call(PutCourse, { params: { courseId }, body: { title: `Course ${courseId}`, price, seats }, as: operator() });
const subjectOf = (school: TestSystem, userId = "1", courseId = "10") => ({
  registrationId: school.runtime.ids.uuidv7(),
  userId,
  courseId,
});
type Subject = ReturnType<typeof subjectOf>;
const tell = async (school: TestSystem, type: string, subject: Subject) => {
  const more = { email: `${subject.userId}@example.com`, paymentId: subject.registrationId, total: price, reason: "" };
  await school.inject({ type, key: subject.registrationId, data: JSON.stringify({ ...subject, ...more }) });
  await school.settled();
};
const taken = async (school: TestSystem) => (await school.call(GetCourse, { params: { courseId: "10" } })).body.taken;

test("courses are made and changed by operators, listed by their ids, and told of", async () => {
  await using school = await start(courses);
  for (const courseId of ["10", "30", "20"]) await put(school, courseId, 5);
  await assert.rejects(
    school.call(PutCourse, {
      params: { courseId: "10" },
      body: { title: "Mine", price, seats: 1 },
      as: user("1"),
    }),
    (error) => isProblem(error, "kit/forbidden"),
  );
  await put(school, "10", 7);
  const first = (await school.call(ListCourses, { query: { limit: 2 } })).body;
  const second = (await school.call(ListCourses, { query: { limit: 2, cursor: first.next ?? "" } })).body;
  assert.deepEqual(
    [first, second].map(({ items }) => items.map(({ courseId, seats }) => `${courseId}: ${String(seats)}`)),
    [["10: 7", "20: 5"], ["30: 5"]],
  );
  assert.equal(second.next, undefined);
  assert.deepEqual(
    (await school.published(CourseUpdated)).map(({ courseId, seats }) => `${courseId}: ${String(seats)}`),
    ["10: 5", "30: 5", "20: 5", "10: 7"],
  );
  await assert.rejects(school.call(GetCourse, { params: { courseId: "40" } }), (error) =>
    isProblem(error, "courses/unknown-course"),
  );
});

test("who has paid has access, which is shown to that user and to operators, and to nobody else", async () => {
  await using school = await start(courses);
  await put(school, "10", 1);
  const subject = subjectOf(school);
  await tell(school, "registration.paid", subject);
  const params = { courseId: "10", userId: "1" };
  for (const as of [user("1"), operator()])
    assert.equal((await school.call(GetAccess, { params, as })).body.registrationId, subject.registrationId);
  for (const looked of [
    { params, as: user("2") },
    { params: { ...params, userId: "2" }, as: user("2") },
  ])
    await assert.rejects(school.call(GetAccess, looked), (error) => isProblem(error, "courses/no-access"));
  assert.deepEqual(await school.published(RegistrationCompleted), [
    { ...subject, email: "1@example.com", title: "Course 10" },
  ]);
});

test("a course that is full, and one that there is not, refuse; seats that are taken are not taken away", async () => {
  await using school = await start(courses);
  await put(school, "10", 1);
  await tell(school, "registration.paid", subjectOf(school, "1"));
  await tell(school, "registration.paid", subjectOf(school, "2"));
  await tell(school, "registration.paid", subjectOf(school, "2", "40"));
  assert.deepEqual(
    (await school.published(RegistrationRefused)).map(({ userId, reason }) => `${userId}: ${reason}`),
    ["2: the course is full", "2: there is no such course"],
  );
  await assert.rejects(put(school, "10", 0), (error) => isProblem(error, "courses/below-taken"));
  assert.equal(await taken(school), 1);
});

test("a cancellation frees seat and access, before or after the payment and after a refusal, and is answered once", async () => {
  await using school = await start(courses);
  await put(school, "10", 1);
  const [first, early, refused, next] = ["1", "2", "3", "4"].map((userId) => subjectOf(school, userId));
  assert.ok(first && early && refused && next);
  await tell(school, "registration.paid", first);
  await tell(school, "registration.paid", refused);
  await tell(school, "registration.cancelled", early);
  await tell(school, "registration.cancelled", refused);
  assert.equal(await taken(school), 1);
  await tell(school, "registration.cancelled", first);
  assert.equal(await taken(school), 0);
  for (const again of [first, early, refused])
    for (const type of ["registration.paid", "registration.cancelled"]) await tell(school, type, again);
  assert.equal(await taken(school), 0, "none of them gets a seat any more");
  await assert.rejects(school.call(GetAccess, { params: { courseId: "10", userId: "1" }, as: user("1") }), (error) =>
    isProblem(error, "courses/no-access"),
  );
  await tell(school, "registration.paid", next);
  assert.equal(await taken(school), 1);
  assert.deepEqual(
    (await school.published(RegistrationReleased)).map(({ userId }) => userId),
    ["2", "3", "1"],
  );
  assert.equal((await school.published(RegistrationCompleted)).length, 2);
});
