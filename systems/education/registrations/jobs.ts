import { contracts, t } from "holdfast/contract";
import { registrationId } from "../fields.ts";

const { job } = contracts("registrations");

export const ExpireRegistration = job("expire-registration", {
  summary: "A registration that is neither completed nor undone when this comes is cancelled",
  data: t.Object({ registrationId }),
});
