import { OrderPaid, OrderRefunded } from "../commerce/billing/contracts.ts";
import { LowStock, StockUpdated } from "../commerce/inventory/contracts.ts";
import { OrderConfirmed, OrderRejected } from "../commerce/orders/contracts.ts";
import { written, type Money } from "../money.ts";
import { notifications, shelves } from "./collections.ts";
import type { Kind } from "./contracts.ts";
import { Tell } from "./jobs.ts";
import { notificationId } from "./notification.ts";
import { on } from "./scope.ts";
import { tell, type Given } from "./tell.ts";

/** The customer of an order is told of what became of it. */
const aboutOrder = (kind: Kind) =>
  notifications.by(({ data }: { readonly data: { readonly orderId: string } }) =>
    notificationId({ kind, about: data.orderId }),
  );
interface OrderData {
  readonly orderId: string;
  readonly customerId: string;
  readonly total?: Money;
  readonly reason?: string;
}
const tellCustomer =
  (kind: Kind) =>
  async ({
    data: { orderId, customerId, total, reason },
    ...given
  }: Given & { readonly data: OrderData }): Promise<void> => {
    const facts = {
      orderId,
      ...(total === undefined ? {} : { total: written(total) }),
      ...(reason === undefined ? {} : { reason }),
    };
    tell(given, { kind, about: orderId, to: { customerId }, facts });
    return Promise.resolve();
  };

export const orderTellers = [
  on(OrderPaid, aboutOrder("order-paid"), tellCustomer("order-paid")),
  on(OrderConfirmed, aboutOrder("order-confirmed"), tellCustomer("order-confirmed")),
  on(OrderRejected, aboutOrder("order-rejected"), tellCustomer("order-rejected")),
  on(OrderRefunded, aboutOrder("order-refunded"), tellCustomer("order-refunded")),
];

export const tellLowStock = on(
  LowStock,
  notifications.by(({ data }) => notificationId({ kind: "low-stock", about: crossingOf(data) })),
  async ({ data, ...given }) => {
    const { sku, name, available, threshold } = data;
    const facts = { sku, name, available, threshold };
    tell(given, { kind: "low-stock", about: crossingOf(data), to: { role: "operator" }, facts });
    return Promise.resolve();
  },
);
const crossingOf = ({ sku, crossing }: { readonly sku: string; readonly crossing: number }) =>
  `${sku} ${String(crossing)}`;

/** One document knows whether a product is sold out, another is the notification: a job carries the word from one to the other. */
export const watchShelf = on(
  StockUpdated,
  shelves.by(({ data }) => data.sku),
  async ({ data: { sku, name, available }, document, enqueue }) => {
    const { soldOut, times } = document.value ?? { soldOut: false, times: 0 };
    const now = available === 0;
    if (now === soldOut) return Promise.resolve();
    document.set({ soldOut: now, times: now ? times + 1 : times });
    const about = `${sku} ${String(times + 1)}`;
    if (now) enqueue(Tell, { kind: "sold-out", about, to: { role: "operator" }, facts: { sku, name } });
    return Promise.resolve();
  },
);
