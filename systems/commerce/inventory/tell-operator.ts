import { Notify } from "../../notifications/contracts.ts";
import { TellOperator } from "./jobs.ts";
import { job } from "./scope.ts";

/** Notifications hears of it by `low.stock`, too; whichever comes first, the operator is told once. */
export const tellOperator = job(TellOperator, {
  prepare: async ({ data: { crossing, ...facts }, call }) => {
    const about = `${facts.sku} ${String(crossing)}`;
    await call(Notify, { body: { kind: "low-stock", about, to: { role: "operator" }, facts } });
  },
  run: () => Promise.resolve(),
});
