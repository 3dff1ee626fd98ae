import type { Envelope, Unit } from "../messaging/index.ts";
import { throughTurn, accessTo, type Collections } from "./access.ts";
import { markOf } from "./kit-collections.ts";
import type { Parts } from "./settle.ts";
import { runUnit, type DocumentTurn } from "./unit.ts";
import type { Opener } from "./collection.ts";

/** What messages are taken in with. */
export interface MessageParts extends Parts {
  readonly collections: Collections;
}

export const collectionNames = ({ collections }: MessageParts): readonly string[] =>
  Object.values(collections).map(({ name }) => name);

export const unitAccess =
  ({ engine, collections }: MessageParts) =>
  (turn: DocumentTurn, opener: Opener): object =>
    accessTo(engine, collections, throughTurn(turn), opener);

/** The inbox mark of a message's unit. A redriven message has one of its own: its first one says that it was taken in. */
export const unitMark = (subscription: string, envelope: Envelope, redrive: number): string =>
  `${markOf(subscription, envelope)}${redrive === 0 ? "" : ` ${String(redrive)}`}`;

export const consumerLabel = (subscription: string): string => `the consumer ${subscription}`;

export interface MessageRun {
  /** Names it in reports. */
  readonly label: string;
  readonly subscription: string;
  readonly envelope: Envelope;
  readonly redrive: number;
  readonly work: (unit: Unit<object>) => Promise<void>;
}

/** A message's handler as one unit; rejects with what it throws, when nothing of it was committed. */
export async function runMessage(
  parts: MessageParts,
  { label, subscription, envelope, redrive, work }: MessageRun,
): Promise<"handled" | "duplicate"> {
  const ran = await runUnit<void>(parts, {
    label,
    deadline: Number.POSITIVE_INFINITY,
    mark: unitMark(subscription, envelope, redrive),
    accessOf: unitAccess(parts),
    work,
  });
  return ran.kind === "duplicate" ? "duplicate" : "handled";
}
