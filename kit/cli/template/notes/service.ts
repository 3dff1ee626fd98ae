import * as contracts from "./contracts.ts";
import { assemble } from "./scope.ts";
import { takeNote } from "./take-note.ts";

export const notes = assemble(contracts, { routes: { TakeNote: takeNote }, consumers: [] });
