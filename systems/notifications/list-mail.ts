import { kitProblems, pageOf } from "holdfast/contract";
import { ListMail } from "./contracts.ts";
import { handle } from "./scope.ts";

export const listMail = handle(ListMail, {
  prepare: async ({ query, caller, mailer: { captured }, mailOpen }) => {
    const operator = caller?.kind === "user" && caller.roles.includes("operator");
    if (!operator && !(mailOpen && captured !== undefined))
      throw caller === undefined ? kitProblems.unauthenticated({}) : kitProblems.forbidden({});
    return pageOf(query, {
      read: (before: number | undefined, limit) =>
        captured === undefined ? Promise.resolve([]) : captured({ limit, ...(before === undefined ? {} : { before }) }),
      cursor: ({ number }) => number,
    });
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
