import { RegistrationCompleted } from "../education/courses/contracts.ts";
import { RegistrationRefunded } from "../education/payments/contracts.ts";
import { RegistrationCancelled, RegistrationFailed } from "../education/registrations/contracts.ts";
import { written, type Money } from "../money.ts";
import { notifications } from "./collections.ts";
import type { Kind } from "./contracts.ts";
import { notificationId } from "./notification.ts";
import { on } from "./scope.ts";
import { tell, type Given } from "./tell.ts";

interface Data {
  readonly registrationId: string;
  readonly userId: string;
  readonly email: string;
  readonly courseId: string;
  readonly title?: string;
  readonly reason?: string;
  readonly total?: Money;
}

const aboutRegistration = (kind: Kind) =>
  notifications.by(({ data }: { readonly data: { readonly registrationId: string } }) =>
    notificationId({ kind, about: data.registrationId }),
  );
const tellLearner =
  (kind: Kind) =>
  async ({
    data: { registrationId, userId, email, courseId, title, reason, total },
    ...given
  }: Given & { readonly data: Data }): Promise<void> => {
    const facts = {
      courseId,
      ...(title === undefined ? {} : { title }),
      ...(reason === undefined ? {} : { reason }),
      ...(total === undefined ? {} : { total: written(total) }),
    };
    tell(given, { kind, about: registrationId, to: { userId, email }, facts });
    return Promise.resolve();
  };

/** Who registered for a course is told of what became of it, and of money that comes back. */
export const learnerTellers = [
  on(RegistrationCompleted, aboutRegistration("registration-completed"), tellLearner("registration-completed")),
  on(RegistrationFailed, aboutRegistration("registration-failed"), tellLearner("registration-failed")),
  on(RegistrationCancelled, aboutRegistration("registration-cancelled"), tellLearner("registration-cancelled")),
  on(RegistrationRefunded, aboutRegistration("registration-refunded"), tellLearner("registration-refunded")),
];
