export interface Reconciliation {
  /** What was compared, in words: `412 orders`. */
  readonly compared: string;
  readonly violations: readonly string[];
}

const stillMs = 30_000;
const mostMs = 300_000;

/** What is still on its way arrives: asked again while something moves, until nothing is wrong, nothing has moved for 30 s, or five minutes are over. */
export async function settled(reconcile: () => Promise<Reconciliation>): Promise<Reconciliation> {
  const begun = performance.now();
  let moved = begun;
  let last = "";
  for (;;) {
    const found = await reconcile();
    const seen = [found.compared, ...found.violations].join("\n");
    const now = performance.now();
    if (seen !== last) moved = now;
    if (found.violations.length === 0 || now - moved > stillMs || now - begun > mostMs) return found;
    last = seen;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
