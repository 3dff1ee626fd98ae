import { initial } from "./0001-initial.ts";
import { rebuildUnreadable } from "./0002-rebuild-unreadable.ts";

/** In the order in which they are applied. */
export const migrations = [initial, rebuildUnreadable];
