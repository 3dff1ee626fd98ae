/** Rolls a job of a lane back and gives its caller the cause as it is. */
export class Rejected extends Error {
  constructor(cause: unknown) {
    super("rejected", { cause });
  }
}
