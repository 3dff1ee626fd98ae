/** What a comparison finds wrong, as sentences, and how much of it is lost or doubled. */
export class Findings {
  readonly violations: string[] = [];
  lost = 0;
  doubled = 0;

  /** `wrong` are one fault each; one of them is named. */
  say(what: string, wrong: readonly string[]): void {
    if (wrong.length > 0) this.violations.push(`${what}: ${String(wrong.length)}, such as ${wrong[0] ?? ""}`);
  }

  losing(what: string, missing: readonly string[]): void {
    this.lost += missing.length;
    this.say(`lost ${what}`, missing);
  }

  doubling(what: string, twice: readonly string[]): void {
    this.doubled += twice.length;
    this.say(`doubled ${what}`, twice);
  }

  /** Each that is expected is found once; with `exactly` nothing else is. */
  equal(what: string, expected: Iterable<string>, found: readonly string[], exactly = true): void {
    const times = new Map<string, number>();
    for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
    const wanted = new Set(expected);
    this.losing(
      what,
      [...wanted].filter((id) => !times.has(id)),
    );
    this.doubling(
      what,
      [...times].flatMap(([id, count]) => (count > 1 ? [id] : [])),
    );
    if (exactly)
      this.say(
        `never asked for: ${what}`,
        [...times.keys()].filter((id) => !wanted.has(id)),
      );
  }
}
