import { RegistrationCompleted, RegistrationRefused } from "../courses/contracts.ts";
import {
  RegistrationPaid,
  RegistrationPaymentFailed,
  RegistrationRefunded,
  RegistrationVoided,
} from "../payments/contracts.ts";
import { ExpireRegistration } from "./jobs.ts";
import { job, on } from "./scope.ts";
import { tell } from "./tell.ts";

export const movers = [
  on(RegistrationPaid, ({ data, ...given }) => tell(given, data.registrationId, { fact: "paid" })),
  on(RegistrationPaymentFailed, ({ data, ...given }) =>
    tell(given, data.registrationId, { fact: "payment-failed", note: data.reason }),
  ),
  on(RegistrationRefunded, ({ data, ...given }) => tell(given, data.registrationId, { fact: "refunded" })),
  on(RegistrationVoided, ({ data, ...given }) => tell(given, data.registrationId, { fact: "voided" })),
  on(RegistrationCompleted, ({ data, ...given }) => tell(given, data.registrationId, { fact: "completed" })),
  on(RegistrationRefused, ({ data, ...given }) =>
    tell(given, data.registrationId, { fact: "refused", note: data.reason }),
  ),
];

export const expireRegistration = job(ExpireRegistration, ({ data, ...given }) =>
  tell(given, data.registrationId, { fact: "timed-out" }),
);
