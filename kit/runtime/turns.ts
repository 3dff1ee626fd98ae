const waiting: (() => void)[] = [];

/**
 * Resolves in a turn of the event loop that nobody else who asked is given, first come first served: where several stores of a process have much
 * to do at the same time, sockets are read between two of their groups, not after all of them.
 */
export function ownTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next);
  });
}

function next(): void {
  const resolve = waiting.shift();
  if (waiting.length > 0) setImmediate(next);
  resolve?.();
}
