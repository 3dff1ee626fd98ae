import { initial } from "./0001-initial.ts";

/** Of what the kit keeps in every service's store, in the order in which they are applied; never changed once released. */
export const kitMigrations = [initial];
