import type { Unit } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Session } from "./engine.ts";
import type { Lane } from "./lane.ts";
import type { OutboxTail } from "./outgoing.ts";
import { Attempt, Turn } from "./turn.ts";

/** What messages are taken in with. */
export interface Parts {
  readonly lane: Lane;
  readonly runtime: Runtime;
  readonly access: (turn: Turn) => object;
  readonly deadLetters: DeadLetters;
  /** Undefined where the numbers of the outbox are not in the order of commits. */
  readonly tail: OutboxTail | undefined;
}

/** A message's handler as one unit of the running transaction; nothing of a failed one is left. */
export async function runMessage(
  { lane, access }: Pick<Parts, "lane" | "access">,
  session: Session,
  given: {
    /** Names it in reports: `the consumer orders/customer.created`. */
    readonly label: string;
    readonly work: (unit: Unit<object>) => Promise<void>;
  },
) {
  const turn = new Turn(given.label, { readOnly: false });
  const unit: Unit<object> = {
    access: access(turn),
    publish: (message) => turn.publish(message),
    enqueue: (job) => turn.enqueue(job),
  };
  const attempt = new Attempt<unknown>(turn, () => given.work(unit));
  const wants = (await attempt.pause()) === "wants";
  const outcome = wants ? await lane.turn(session, attempt) : attempt.outcome;
  return {
    outcome: outcome ?? { ok: false as const, error: new Error("A message's unit ended without an outcome.") },
    turn,
  };
}
