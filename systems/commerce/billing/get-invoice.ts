import { GetInvoice } from "./contracts.ts";
import { shown } from "./open-invoice.ts";
import { handle } from "./scope.ts";

export const getInvoice = handle(GetInvoice, async ({ params, invoices, reply }) =>
  reply(200, shown(await invoices.require(params.orderId))),
);
