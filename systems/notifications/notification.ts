import { t, type Value } from "holdfast/contract";
import { derivedId } from "holdfast/runtime";
import { Kind, Recipient, type Notification as Shown } from "./contracts.ts";

export const Facts = t.Record(t.String(), t.Union([t.String(), t.Number()]));
export type Facts = Readonly<Record<string, string | number>>;

/** One fact that one person is told. */
export const Notification = t.Object({
  kind: Kind,
  about: t.String(),
  to: Recipient,
  facts: Facts,
  subject: t.String(),
  text: t.String(),
  /** Once it is known. */
  address: t.Optional(t.String()),
  state: t.Union([t.Literal("waiting"), t.Literal("sent"), t.Literal("bounced"), t.Literal("unwanted")]),
  reason: t.Optional(t.String()),
  createdAt: t.String(),
});
export interface Notification extends Value<typeof Notification> {}

/** The same for one fact, whichever way it is heard of: an event, a call, or both. */
export const notificationId = ({ kind, about }: { readonly kind: string; readonly about: string }): string =>
  derivedId("notification", kind, about);

export const shown = (notificationId: string, { kind, subject, address = "", ...rest }: Notification): Shown => {
  const { state, reason, createdAt } = rest;
  return { notificationId, kind, subject, to: address, state, ...(reason === undefined ? {} : { reason }), createdAt };
};
