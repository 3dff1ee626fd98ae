/** A terminal, npm and the bootstrap may each hand on one Ctrl-C: signals this close together are one. */
const oneSignalMs = 150;

/**
 * For the process that a person has started: the first signal, or the end of whoever started it, stops it in good order; the next one ends it
 * at once, after `atOnce`.
 */
export function endBySignals(stop: () => Promise<void>, atOnce: () => void = () => {}): void {
  let stoppedAt: number | undefined;
  const onSignal = () => {
    const now = performance.now();
    if (stoppedAt === undefined) {
      stoppedAt = now;
      process.stdout.write("\nStopping: requests in hand finish, messages go out. Once more ends it at once.\n");
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${String(error)}\n`);
          process.exit(1);
        },
      );
    } else if (now - stoppedAt > oneSignalMs) {
      atOnce();
      process.exit(130);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  // The bootstrap is gone: so is everything that could stop this process in good order.
  process.on("disconnect", onSignal);
}

/** For a process that another one has forked: that one decides when it ends, at Ctrl-C, too; when it has gone, this one goes. */
export function endWhenTold(stop: () => Promise<void>): void {
  let stopping = false;
  const onTold = () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on("SIGINT", () => {});
  process.on("SIGTERM", onTold);
  process.on("disconnect", onTold);
  // Whoever forked it may have been killed while it started.
  if (process.connected !== true) onTold();
}
