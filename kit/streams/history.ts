import { listOrder, pageOf, t, type Value } from "../contract/index.ts";
import type { StreamDb } from "./tables.ts";

/** An event as it was written, for those who look into what happened: in the reply of an endpoint for operators. */
export const StreamEvent = t.Object({
  version: t.Integer({ minimum: 1, description: "Its place in the stream, from 1" }),
  event: t.String(),
  schemaVersion: t.Integer({ description: "The version of the event's data" }),
  data: t.Unknown({ description: "As it was written; its text, where that is no JSON any more" }),
  at: t.String({ format: "date-time" }),
  correlationId: t.String({ description: "The same for everything that one request set in motion" }),
  causationId: t.String({ description: "Id of the request or message that it was appended by" }),
});
export interface StreamEvent extends Value<typeof StreamEvent> {}

const byVersion = listOrder("history", StreamEvent.properties.version);

/** Oldest first; empty where the stream has not begun. */
export const historyOf = (
  db: StreamDb,
  of: { readonly streamType: string; readonly stream: string },
  page: { readonly cursor?: string; readonly limit?: number },
): Promise<{ items: StreamEvent[]; next?: string }> =>
  pageOf(
    { ...page, ...of },
    {
      order: byVersion,
      position: ({ version }) => version,
      async read(after = 0, limit) {
        const rows = await db
          .selectFrom("streamEvents")
          .select(["version", "event", "schemaVersion", "eventData", "at", "correlationId", "causationId"])
          .where("streamType", "=", of.streamType)
          .where("stream", "=", of.stream)
          .where("version", ">", after)
          .orderBy("version")
          .limit(limit)
          .execute();
        return rows.map(({ eventData, at, ...row }) => ({
          ...row,
          data: dataOf(eventData),
          at: new Date(at).toISOString(),
        }));
      },
    },
  );

/** Whoever looks for what is damaged must get to see it. */
function dataOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
