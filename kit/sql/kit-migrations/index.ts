import { initial } from "./0001-initial.ts";
import { deadLettersByState } from "./0002-dead-letters-by-state.ts";
import { parkedBySubscription } from "./0003-parked-by-subscription.ts";

/** Of what the kit keeps in every service's store, in the order in which they are applied; never changed once released. */
export const kitMigrations = [initial, deadLettersByState, parkedBySubscription];
