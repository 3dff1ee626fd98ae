type End = () => Promise<void> | void;

/** Ends one thing after the other, the rest too where one cannot be ended; rejects with the first failure when all have been tried. */
export async function endInTurn(ends: readonly End[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Waits until all have ended, or failed; rejects with the first failure of the list. */
export async function endTogether(ends: readonly Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(ends);
  await endInTurn(
    ended.map((each) => () => {
      if (each.status === "rejected") throw each.reason;
    }),
  );
}
