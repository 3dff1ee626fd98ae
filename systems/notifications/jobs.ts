import { contracts, t } from "holdfast/contract";
import { Notify } from "./contracts.ts";

const { job } = contracts("notifications");

export const Tell = job("tell", { summary: "A person is told of a fact", data: Notify.spec.body });
export const Deliver = job("deliver", {
  summary: "A notification is sent",
  data: t.Object({ notificationId: t.String({ format: "uuid" }) }),
});
