/** Rolls a job of a lane back and gives its caller the cause as it is. */
export class Rejected extends Error {
  constructor(cause: unknown) {
    super("rejected", { cause });
  }
}

/**
 * Another transaction won: everything of this one is undone and runs again, until the deadline. A handler throws it where what it decided on turns out to
 * be outdated (a `where version = …` that meets no row); `prepare` does not run again.
 */
export class Conflict extends Error {}

/** In an error or its causes. */
export function isConflict(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 16; at = at.cause, depth += 1)
    if (at instanceof Conflict) return true;
  return false;
}
