import type { Document, Inside } from "holdfast/service";
import { notifications } from "./collections.ts";
import { Notify, type Kind, type Recipient } from "./contracts.ts";
import { Deliver, Tell } from "./jobs.ts";
import { notificationId, shown, type Facts, type Notification } from "./notification.ts";
import { handle, job } from "./scope.ts";
import { render } from "./templates.ts";

interface Fact {
  readonly kind: Kind;
  /** What the fact is about; with the kind it is the notification's identity. */
  readonly about: string;
  readonly to: Recipient;
  readonly facts: Facts;
}
export interface Given extends Pick<Inside, "enqueue" | "now"> {
  readonly document: Document<Notification>;
}

/** The first who tells of a fact makes its notification; whoever tells of it again finds it there. */
export function tell({ document, enqueue, now }: Given, { kind, about, to, facts }: Fact): Notification {
  if (document.value !== undefined) return document.value;
  const made: Notification = {
    kind,
    about,
    to,
    facts: { ...facts },
    ...render(kind, facts),
    state: "waiting",
    createdAt: now().toISOString(),
  };
  document.set(made);
  enqueue(Deliver, { notificationId: document.id });
  return made;
}

export const notify = handle(
  Notify,
  notifications.by(({ body }) => notificationId(body)),
  async ({ body, reply, ...given }) => Promise.resolve(reply(202, shown(given.document.id, tell(given, body)))),
);

export const tellFact = job(
  Tell,
  notifications.by(({ data }) => notificationId(data)),
  async ({ data, ...given }) => {
    tell(given, data);
    return Promise.resolve();
  },
);
