/**
 * What the turns of the event loop are spent on. libuv accepts one connection of a server in each turn, so that a client that connects behind a thousand
 * others waits for a thousand turns. Turns are kept short for that, and shortest while clients connect.
 */

/** How long requests are handled in one turn; the others wait for the next one, in their order. */
const requestsMs = 10;
/** While clients connect, everything else waits for them this long, or half as long as everything else took since. */
const connectsMs = 100;
const connectsShare = 1;
/** So many turns without a new connection: none waits to be accepted. */
const quietTurns = 2;

const groups: (() => void)[] = [];
const requests: (() => void)[] = [];
let scheduled = false;
/** When the first request of this turn was handled. */
let handlingSince: number | undefined;
/** Turns until it is quiet. */
let connecting = 0;
let onlyConnects = false;
/** How long everything else may wait for connections, as of `creditedAt`. */
let creditMs = connectsMs;
let creditedAt = 0;

/**
 * Resolves in a turn of the event loop that nobody else who asked is given, first come first served: where several stores of a process have much
 * to do at the same time, sockets are read between two of their groups, not after all of them.
 */
export function ownTurn(): Promise<void> {
  return new Promise((resolve) => {
    groups.push(resolve);
    schedule();
  });
}

/** A server calls it for each connection that it accepts. */
export function connectionAccepted(): void {
  connecting = quietTurns;
  schedule();
}

/** Handles a request: at once, or behind those that came before it, where this turn has no time left for requests. */
export function handleInTurn(handle: () => void): void {
  schedule();
  if (requests.length === 0 && connecting === 0 && hasTime()) handle();
  else requests.push(handle);
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(turn);
}

function turn(): void {
  scheduled = false;
  handlingSince = undefined;
  credit();
  if (!onlyConnects) {
    // Each in a callback of its own: the promises that it leaves are worked off, and counted, before the next one.
    for (let n = Math.min(requests.length, 256); n > 0; n -= 1) setImmediate(handleNext);
    groups.shift()?.();
  }
  if (onlyConnects || groups.length + requests.length + connecting > 0) schedule();
}

function credit(): void {
  const now = performance.now();
  const ms = now - creditedAt;
  creditMs = onlyConnects ? creditMs - ms : Math.min(connectsMs, creditMs + ms * connectsShare);
  creditedAt = now;
  onlyConnects = connecting > 0 && creditMs > 0;
  if (connecting > 0) connecting -= 1;
}

function handleNext(): void {
  if (requests.length > 0 && hasTime()) requests.shift()?.();
}

function hasTime(): boolean {
  const now = performance.now();
  handlingSince ??= now;
  return now - handlingSince < requestsMs;
}
