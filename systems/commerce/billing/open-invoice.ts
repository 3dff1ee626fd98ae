import { OrderCreated } from "../orders/contracts.ts";
import { BillOrder, type Invoice } from "./contracts.ts";
import type { InvoiceStore, NewInvoice, Payable } from "./invoice-store.ts";
import { ChargeInvoice } from "./jobs.ts";
import { handle, on } from "./scope.ts";
import type { Inside } from "holdfast/service";

interface Given extends Pick<Inside, "enqueue"> {
  readonly invoices: InvoiceStore;
}

/** The intent first: a row that says what will be asked for. The job that asks comes after the commit. */
async function open({ invoices, enqueue }: Given, wanted: NewInvoice): Promise<Payable> {
  const { invoice, isNew } = await invoices.open(wanted);
  if (isNew && invoice.state === "charging") {
    const { orderId, invoiceId } = invoice;
    enqueue(ChargeInvoice, { orderId, invoiceId });
  }
  return invoice;
}

export const billCreatedOrder = on(OrderCreated, async ({ data, newId, now, ...given }) => {
  const { orderId, customerId, owner, total, paymentMethod } = data;
  await open(given, { orderId, customerId, owner, total, paymentMethod, invoiceId: newId(), createdAt: now() });
});

export const billOrder = handle(BillOrder, async ({ body, newId, now, reply, ...given }) =>
  reply(201, shown(await open(given, { ...body, invoiceId: newId(), createdAt: now() }))),
);

/** What others see of it. */
export const shown = ({ invoiceId, orderId, customerId, total, state, reason, createdAt }: Payable): Invoice => ({
  invoiceId,
  orderId,
  customerId,
  total,
  state,
  ...(reason === undefined ? {} : { reason }),
  createdAt,
});
