import { RegistrationRefused, RegistrationReleased } from "../courses/contracts.ts";
import { RegistrationCreated } from "../registrations/contracts.ts";
import { tell } from "./follow.ts";
import { asked, undone } from "./payment-life.ts";
import { paymentIdOf } from "./payment-store.ts";
import { on } from "./scope.ts";

/** The intent first: a fact that says what will be asked for. The job that asks comes after the commit. */
export const askForPayment = on(RegistrationCreated, async ({ data, ...given }) => {
  const { registrationId, userId, courseId, email, total, paymentMethod, owner } = data;
  const wanted = { registrationId, userId, courseId, email, paymentMethod, ...(owner === undefined ? {} : { owner }) };
  const { amount, currency } = total;
  await tell(given, paymentIdOf(registrationId), (state) => asked(state, { ...wanted, total: { amount, currency } }));
});

/** Money is given back on the word of courses, and nobody else's: no access stands then. */
export const undoRefused = on(RegistrationRefused, ({ data, ...given }) =>
  tell(given, paymentIdOf(data.registrationId), (state) => undone(state, data, data.reason)),
);
export const undoReleased = on(RegistrationReleased, ({ data, ...given }) =>
  tell(given, paymentIdOf(data.registrationId), (state) => undone(state, data, "the registration was cancelled")),
);
