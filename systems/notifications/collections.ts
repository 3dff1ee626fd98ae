import { t } from "holdfast/contract";
import { collection } from "holdfast/documents";
import { Preferences } from "./contracts.ts";
import { Notification } from "./notification.ts";

/** By notification id. */
export const notifications = collection("notifications", { schema: Notification });
/** By user. */
export const preferences = collection("preferences", { schema: Preferences });
/** By SKU: whether it is known to be sold out, and how often it was. */
export const shelves = collection("shelves", { schema: t.Object({ soldOut: t.Boolean(), times: t.Integer() }) });
