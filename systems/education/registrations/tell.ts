import type { Inside } from "holdfast/service";
import { RegistrationCancelled, RegistrationFailed } from "./contracts.ts";
import { move, type Fact } from "./registration-life.ts";
import type { RegistrationStore } from "./registration-store.ts";

export interface Given extends Pick<Inside, "publish" | "now"> {
  readonly registrations: RegistrationStore;
}

/** Tells a registration of a fact: what comes of it is decided in registration-life.ts, recorded, and published where others must act on it. */
export async function tell(
  { registrations, publish, now }: Given,
  registrationId: string,
  { fact, note = "" }: { readonly fact: Fact; readonly note?: string },
): Promise<void> {
  const { registration, learner: userId, email, state: before } = await registrations.lock(registrationId);
  const { courseId } = registration;
  const { state, effect, next } = move(before, fact, note);
  await registrations.move(registrationId, state, { at: now(), fact, effect, note });
  const data = { registrationId, userId, courseId, email, reason: state.reason ?? "" };
  if (next === "publish-cancelled") publish(RegistrationCancelled, data);
  if (next === "publish-failed") publish(RegistrationFailed, data);
}
