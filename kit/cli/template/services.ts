import { notes } from "./notes/service.ts";
import { topics } from "./topics/service.ts";

/** What `npm start` starts. */
export const services = [notes, topics] as const;
