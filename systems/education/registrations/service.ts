import { cancelRegistration } from "./cancel-registration.ts";
import * as contracts from "./contracts.ts";
import { getRegistrationHistory } from "./get-registration-history.ts";
import { getRegistration } from "./get-registration.ts";
import { learnCourse } from "./learn-course.ts";
import { expireRegistration, movers } from "./move-registration.ts";
import { register } from "./register.ts";
import { assemble } from "./scope.ts";

export const registrations = assemble(contracts, {
  routes: {
    Register: register,
    GetRegistration: getRegistration,
    GetRegistrationHistory: getRegistrationHistory,
    CancelRegistration: cancelRegistration,
  },
  consumers: [learnCourse, ...movers],
  jobs: [expireRegistration],
});
