import { kitProblems, listOrder, pageOf, t } from "holdfast/contract";
import { ListMail } from "./contracts.ts";
import type { Delivered } from "./mail/port.ts";
import { handle } from "./scope.ts";

const byNumber = listOrder("mail", t.Integer({ minimum: 1 }));

export const listMail = handle(ListMail, {
  prepare: async ({ query, caller, mailer: { captured }, mailShown }) => {
    const operator = caller?.kind === "user" && caller.roles.includes("operator");
    if (!operator && (mailShown === "operators" || captured === undefined))
      throw caller === undefined ? kitProblems.unauthenticated({}) : kitProblems.forbidden({});
    const page = await pageOf(query, {
      order: byNumber,
      read: (before, limit) =>
        captured === undefined ? Promise.resolve([]) : captured({ limit, ...(before === undefined ? {} : { before }) }),
      position: ({ number }) => number,
    });
    return operator || mailShown === "open" ? page : { ...page, items: page.items.map(masked) };
  },
  run: async ({ prepared, reply }) =>
    Promise.resolve(
      reply(200, {
        ...prepared,
        items: prepared.items.map(({ messageId, to, subject, text, at }) => ({
          messageId,
          to,
          subject,
          text,
          at: at.toISOString(),
        })),
      }),
    ),
});

/** Of a mail, what says neither who had it nor which record it is about: a guest's is open to whoever knows its id. */
function masked(mail: Delivered): Delivered {
  const hidden = (text: string) => text.replaceAll(ids, "…").replaceAll(addresses, "…");
  const { to, subject, text } = mail;
  const messageId = hidden(mail.messageId);
  return { ...mail, messageId, to: maskedAddress(to), subject: hidden(subject), text: hidden(text) };
}
const ids = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
const addresses = /[^\s@]+@[^\s@]+/g;

/** `c…@e…`; of a number the country alone is left, and not all of that. */
function maskedAddress(to: string): string {
  const [name = "", domain] = to.split("@");
  return domain === undefined ? `${to.slice(0, 2)}…` : `${name.slice(0, 1)}…@${domain.slice(0, 1)}…`;
}
