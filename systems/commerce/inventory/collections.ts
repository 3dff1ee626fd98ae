import { collection } from "holdfast/documents";
import { Reservation } from "./reservation.ts";
import { Stock } from "./stock.ts";

/** By SKU. */
export const stock = collection("stock", { schema: Stock });
/** By order. */
export const reservations = collection("reservations", { schema: Reservation });
