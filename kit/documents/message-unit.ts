import type { Batch, Envelope } from "../messaging/index.ts";
import { throughTurn, accessTo, type Collections } from "./access.ts";
import { markOf } from "./kit-collections.ts";
import type { Parts } from "./settle.ts";
import { runUnit, type DocumentTurn } from "./unit.ts";
import type { Opener } from "./collection.ts";

/** What messages are taken in with. */
export interface MessageParts extends Parts {
  readonly collections: Collections;
}

export const unitAccess =
  ({ engine, collections }: MessageParts) =>
  (turn: DocumentTurn, opener: Opener): object =>
    accessTo(engine, collections, throughTurn(turn), opener);

export interface MessageRun {
  readonly subscription: string;
  readonly envelope: Envelope;
  readonly attempt: number;
  /** A redriven message has a mark of its own: its first one says that it was taken in. */
  readonly redrive: number;
  readonly handle: Batch<object>["handle"];
}

/** A message's handler as one unit; rejects with what it throws, when nothing of it was committed. */
export async function runMessage(
  parts: MessageParts,
  { subscription, envelope, attempt, redrive, handle }: MessageRun,
): Promise<"handled" | "duplicate"> {
  const mark = markOf(subscription, envelope);
  const ran = await runUnit<void>(parts, {
    label: `the consumer ${subscription}`,
    deadline: Number.POSITIVE_INFINITY,
    mark: redrive === 0 ? mark : `${mark} ${String(redrive)}`,
    accessOf: unitAccess(parts),
    work: (unit) => handle(envelope, attempt, unit),
  });
  return ran.kind === "duplicate" ? "duplicate" : "handled";
}
