import type { Engine, Session } from "./engine.ts";
import { Conflict, isConflict } from "./rejected.ts";
import type { Attempt, Outcome } from "./turn.ts";

/** The engine has ended the transaction; the cause is its error. */
export class TransactionGone extends Error {}

/** Executes what a handler asks for until it is done. A unit that fails leaves no trace in the transaction. */
export async function runTurn(
  engine: Pick<Engine, "name" | "classify">,
  session: Session,
  attempt: Attempt<unknown>,
): Promise<Outcome<unknown>> {
  const { turn } = attempt;
  let saved = false;
  let failed: unknown;
  do {
    for (let statement = turn.next(); statement !== undefined; statement = turn.next()) {
      // PostgreSQL: a read that fails spoils the transaction, too.
      if (!saved && (statement.writes || engine.name === "postgres")) {
        await session.savepoint();
        saved = true;
      }
      try {
        const answer = session.run(statement.sql, statement.parameters);
        // Awaiting what is there already costs a turn of the microtasks for each statement.
        const result = answer instanceof Promise ? await answer : answer;
        if (statement.writes) turn.writes += 1;
        statement.resolve(result);
      } catch (error) {
        // Some errors end the whole transaction; going on would commit the rest of the unit alone.
        if (!session.inTransaction() || ["conflict", "lost", "unwritable"].includes(engine.classify(error)))
          throw new TransactionGone("The engine ended the transaction.", { cause: error });
        failed ??= error;
        statement.reject(error);
      }
    }
  } while ((await attempt.pause()) === "wants");
  if (attempt.outcome?.ok === false && isConflict(attempt.outcome.error))
    throw new Conflict("The unit asked to run again.", { cause: attempt.outcome.error });
  if (failed !== undefined && attempt.outcome?.ok === true) {
    attempt.fail(
      new Error(
        `${turn.label} went on after a statement had failed: let the error leave the handler, or ask in a way that does not fail ("on conflict").`,
        { cause: failed },
      ),
    );
  }
  const outcome = attempt.outcome ?? { ok: false as const, error: new Error("A unit ended without an outcome.") };
  if (saved) await (outcome.ok ? session.release() : session.rollbackToSavepoint());
  return outcome;
}
