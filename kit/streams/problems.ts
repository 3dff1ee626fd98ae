import { contracts, t } from "../contract/index.ts";

const { problem } = contracts("kit");

/** Which event it is about. */
const which = {
  streamType: t.String(),
  stream: t.String(),
  version: t.Integer(),
  event: t.String(),
  schemaVersion: t.Integer(),
};

export const streamProblems = {
  moved: problem("kit/stream-moved", {
    status: 409,
    retryable: false,
    summary: "The stream is at another version than was demanded",
    detail: "The {streamType} {stream} is at version {version}, not at {demanded}: read it again.",
    facts: t.Object({ streamType: t.String(), stream: t.String(), version: t.Integer(), demanded: t.Integer() }),
  }),
  newer: problem("kit/stream-newer", {
    status: 503,
    retryable: true,
    summary: "An event of a stream is newer than the code that reads it",
    detail:
      "The event {version} of the {streamType} {stream}, {event} in version {schemaVersion}, is not known here: an instance of newer code can read it.",
    facts: t.Object(which),
  }),
  unreadable: problem("kit/stream-unreadable", {
    status: 500,
    retryable: false,
    summary: "An event of a stream cannot be read",
    detail:
      "The event {version} of the {streamType} {stream}, {event} in version {schemaVersion}, cannot be read: {reason}.",
    facts: t.Object({ ...which, reason: t.String() }),
  }),
} as const;
