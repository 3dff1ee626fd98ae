import type { Outside } from "holdfast/service";
import { LookUpCustomer } from "../commerce/customers/contracts.ts";
import { isGuest } from "../visible-to.ts";
import { notifications } from "./collections.ts";
import type { Preferences } from "./contracts.ts";
import { Deliver } from "./jobs.ts";
import { DeliveryRefused } from "./mail/port.ts";
import type { Notification } from "./notification.ts";
import { job } from "./scope.ts";

type Outcome = Pick<Notification, "state" | "reason" | "address">;

/** Sends it, and keeps what became of it. A crash in between sends it again, under the same Message-ID. */
export const deliver = job(
  Deliver,
  notifications.by(({ data }) => data.notificationId),
  {
    prepare: async ({
      data: { notificationId },
      docs,
      call,
      mailer,
      sms,
      operator,
      signal,
    }): Promise<Outcome | undefined> => {
      const found = await docs.notifications.find(notificationId);
      if (found?.state !== "waiting") return undefined;
      const { kind, subject, text } = found;
      const { user, email } = await personOf({ call, operator }, found.to);
      const wishes = user === undefined ? undefined : await docs.preferences.find(user);
      const number = sms === undefined ? undefined : wishes?.sms;
      const address = number ?? email;
      if (!wanted(wishes, kind)) return { state: "unwanted", address };
      const messageId = `<${notificationId}@holdfast>`;
      try {
        if (sms === undefined || number === undefined)
          await mailer.send({ messageId, to: address, subject, text }, signal);
        else await sms.send({ id: messageId, to: number, text }, signal);
        return { state: "sent", address };
      } catch (error) {
        if (error instanceof DeliveryRefused) return { state: "bounced", address, reason: error.message };
        throw error;
      }
    },
    run: async ({ prepared, document }) => {
      if (prepared !== undefined && document.value?.state === "waiting")
        document.set({ ...document.value, ...prepared });
      return Promise.resolve();
    },
    retry: { attempts: 200, baseMs: 500, capMs: 300_000 },
  },
);

interface Person {
  /** Whose preferences hold: the user who owns what the message is about. Undefined for guests, and for the operator. */
  readonly user: string | undefined;
  readonly email: string;
}

async function personOf(
  { call, operator }: Pick<Outside, "call"> & { readonly operator: string },
  to: Notification["to"],
): Promise<Person> {
  if ("role" in to) return { user: undefined, email: operator };
  if ("customerId" in to) {
    const { owner, email } = (await call(LookUpCustomer, { params: { customerId: to.customerId } })).body;
    return { user: owner, email };
  }
  return { user: "userId" in to && !isGuest(to.userId) ? to.userId : undefined, email: to.email };
}

const wanted = (wishes: Preferences | undefined, kind: Notification["kind"]): boolean =>
  wishes === undefined || ((wishes.email || wishes.sms !== undefined) && !wishes.muted.includes(kind));
