import {
  codeOf,
  longestClaimMs,
  reasonOf,
  tooOld,
  validLowWater,
  type Batch,
  type BatchResult,
  type Incoming,
} from "../messaging/index.ts";
import { timeOfUuidv7 } from "../runtime/index.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { markOf, names } from "./kit-collections.ts";
import { consumerLabel, runMessage, type MessageParts } from "./message-unit.ts";
import { getParked, lowest, park, unpark } from "./parked.ts";
import { lowWaterMark } from "./sweep.ts";
import { isMarked } from "./unit.ts";

/** Keys of a batch that are worked on side by side. */
const sideBySide = 32;

type Count = { -readonly [K in keyof BatchResult]: BatchResult[K] };

/** Not the message's fault: what was taken in before it stays, the rest comes again. */
class Paused extends Error {}

/** Takes each message in by a write of its own: messages of a key in their order, keys side by side. Rejects where not all of them are taken in. */
export async function takeIn(
  parts: MessageParts,
  deadLetters: DeadLetters,
  batch: Batch<object>,
): Promise<BatchResult> {
  const count: Count = { handled: 0, duplicates: 0, parked: 0, dead: 0, discarded: 0 };
  const lowWater = validLowWater(await lowWaterMark(parts.engine), parts.runtime.clock.now());
  const keys = new Map<string, Incoming[]>();
  for (const message of batch.messages) {
    const { key } = message.envelope;
    const others = keys.get(key);
    if (others === undefined) keys.set(key, [message]);
    else others.push(message);
  }
  const waiting = [...keys.values()];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let messages = waiting.shift(); messages !== undefined && failures.length === 0; messages = waiting.shift()) {
      try {
        for (const message of messages) count[await takeOne(parts, deadLetters, { batch, message, lowWater })] += 1;
      } catch (error) {
        failures.push(error instanceof Paused ? error.cause : error);
      }
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, worker));
  if (failures.length > 0) throw failures[0];
  return count;
}

async function takeOne(
  parts: MessageParts,
  deadLetters: DeadLetters,
  {
    batch,
    message,
    lowWater,
  }: { readonly batch: Batch<object>; readonly message: Incoming; readonly lowWater: string },
): Promise<keyof BatchResult> {
  const { engine, runtime } = parts;
  const { subscription } = batch;
  const { envelope, dead } = message;
  const mark = markOf(subscription, envelope);
  // Parked first: a message that is worked off meanwhile leaves its mark before its row goes.
  if ((await getParked(engine, mark)) !== undefined) return "duplicates";
  if (await isMarked(parts, mark)) return "duplicates";
  const now = Math.floor(runtime.clock.now());
  const wait = { subscription, envelope, attempts: 0, nextAt: now, error: "" };
  const fault = dead ?? (timeOfUuidv7(envelope.id) !== undefined && envelope.id <= lowWater ? tooOld : undefined);
  if ((batch.intakeOnly && fault === undefined) || (await lowest(engine, subscription, envelope.key)) !== undefined) {
    return (await park(parts, wait)) ? "parked" : "duplicates";
  }
  const grave = { subscription, envelope, redrive: 0, hold: batch.afterDeadLetter === "hold", effectKeys: [] };
  if (fault !== undefined) {
    await deadLetters.bury({ ...grave, attempts: 0, code: fault.code, error: fault.detail });
    return "dead";
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      const ran = await runMessage(parts, {
        label: consumerLabel(subscription),
        subscription,
        envelope,
        redrive: 0,
        work: (unit) => {
          runtime.faults.at("consumer:handling");
          return batch.handle(envelope, attempt, unit);
        },
      });
      runtime.faults.at("consumer:handled");
      return ran === "handled" ? "handled" : "duplicates";
    } catch (error) {
      const verdict = batch.judge(error, attempt);
      if (verdict.kind === "pause") throw new Paused("paused", { cause: error });
      if (verdict.kind === "park" && attempt < 2) continue;
      if (verdict.kind === "park") {
        await park(parts, { ...wait, attempts: attempt, nextAt: verdict.nextAt, error: reasonOf(error) });
        return "parked";
      }
      if (verdict.kind === "dead") {
        // Its row first: after a crash it is tried again, and if it comes through, its letter says so.
        const claimedUntil = Math.ceil(runtime.clock.now() + longestClaimMs);
        if (!(await park(parts, { ...wait, attempts: attempt, error: reasonOf(error), claimedUntil })))
          return "duplicates";
        await deadLetters.bury({ ...grave, attempts: attempt, code: codeOf(error), error: reasonOf(error) }, mark);
        const row = grave.hold ? undefined : await getParked(engine, mark);
        if (row !== undefined) await unpark(engine, row, Math.floor(runtime.clock.now()));
        return "dead";
      }
      await engine.insert(names.inbox, [{ _id: mark, version: 1, at: now }]);
      return "discarded";
    }
  }
}
