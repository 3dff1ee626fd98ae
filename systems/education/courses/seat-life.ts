/** Where a registration's seat stands; `unheard`: nothing that decides has come yet. */
export type State = "unheard" | "taken" | "refused" | "released";

/** What must follow a change of state. */
export type Consequence = "none" | "take" | "refuse" | "release" | "free-and-release";

export interface Move {
  readonly state: State;
  readonly next: Consequence;
  /** Why there is no seat. */
  readonly reason?: string;
}

/** What becomes of a paid registration: a seat, if its course has one. One that was cancelled before gets none, and none is taken twice. */
export function paid(state: State, course: { readonly seats: number; readonly taken: number } | undefined): Move {
  if (state !== "unheard") return { state, next: "none" };
  if (course === undefined) return { state: "refused", next: "refuse", reason: "there is no such course" };
  if (course.taken >= course.seats) return { state: "refused", next: "refuse", reason: "the course is full" };
  return { state: "taken", next: "take" };
}

/** What becomes of a cancelled one: no seat, now or later. It is said once, and always, as the money waits for it. */
export function cancelled(state: State): Move {
  if (state === "released") return { state, next: "none" };
  return { state: "released", next: state === "taken" ? "free-and-release" : "release" };
}
