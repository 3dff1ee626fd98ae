import { kitProblems } from "../contract/index.ts";

/** Shut while a store is not the one that was opened (removed, emptied, replaced): nothing is read from it and nothing written. */
export class StoreGate {
  /** Why it is shut. */
  shut: string | undefined;

  /** The refusal of whoever wants to use the store; undefined where it may. */
  refusal(): Error | undefined {
    if (this.shut === undefined) return undefined;
    return kitProblems.unavailable(
      { reason: "The store was removed or replaced." },
      { cause: new Error(this.shut), headers: { "retry-after": "1" } },
    );
  }
}
