import { initial } from "./0001-initial.ts";

/** In the order in which they are applied. */
export const migrations = [initial];
