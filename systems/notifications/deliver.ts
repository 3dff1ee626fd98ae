import type { Outside } from "holdfast/service";
import { LookUpCustomer } from "../commerce/customers/contracts.ts";
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
      const person = personOf(found.to);
      const wishes = person === undefined ? undefined : await docs.preferences.find(person);
      const number = sms === undefined ? undefined : wishes?.sms;
      const address = number ?? ("role" in found.to ? operator : await addressOf({ call }, found.to));
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

const personOf = (to: Notification["to"]): string | undefined =>
  "customerId" in to ? to.customerId : "userId" in to ? to.userId : undefined;

async function addressOf(
  { call }: Pick<Outside, "call">,
  to: Exclude<Notification["to"], { readonly role: string }>,
): Promise<string> {
  if ("email" in to) return to.email;
  return (await call(LookUpCustomer, { params: { customerId: to.customerId } })).body.email;
}

const wanted = (wishes: Preferences | undefined, kind: Notification["kind"]): boolean =>
  wishes === undefined || ((wishes.email || wishes.sms !== undefined) && !wishes.muted.includes(kind));
