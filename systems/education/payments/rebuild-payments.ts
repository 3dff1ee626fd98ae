import { GetPaymentRebuild, RebuildPayments } from "./contracts.ts";
import { RebuildStep } from "./jobs.ts";
import { handle, job } from "./scope.ts";
import { paymentRows } from "./tables.ts";

export const rebuildPayments = handle(RebuildPayments, async ({ streams, newId, enqueue, reply }) => {
  const rebuild = streams.rebuild(paymentRows);
  const run = newId();
  const report = await rebuild.begin(run);
  enqueue(RebuildStep, { run });
  return reply(202, report);
});

export const rebuildStep = job(RebuildStep, async ({ data, streams, enqueue }) => {
  if ((await streams.rebuild(paymentRows).step(data.run)) === "on") enqueue(RebuildStep, data);
});

export const getPaymentRebuild = handle(GetPaymentRebuild, async ({ streams, reply }) => {
  const last = await streams.rebuild(paymentRows).report();
  return reply(200, last === undefined ? {} : { last });
});
