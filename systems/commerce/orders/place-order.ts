import { findProblem, isProblem, type BodyOf } from "holdfast/contract";
import type { Outside } from "holdfast/service";
import { ownerOf } from "../../visible-to.ts";
import { LookUpCustomer, UnknownCustomer as CustomersDoesNotKnow } from "../customers/contracts.ts";
import {
  AbandonReservation,
  ListStock,
  OutOfStock as InventoryHasTooLittle,
  ReserveStock,
} from "../inventory/contracts.ts";
import { OrderCreated, OutOfStock, PlaceOrder, UnknownCustomer, UnknownProduct, type Order } from "./contracts.ts";
import { ExpireOrder } from "./jobs.ts";
import type { KnownCustomer, KnownCustomers } from "./known-customers.ts";
import type { KnownProduct, KnownProducts } from "./known-products.ts";
import { checkLines, priced } from "./order.ts";
import { handle } from "./scope.ts";

export const placeOrder = handle(PlaceOrder, {
  /** `customer.created` and `stock.updated` may not have come yet: then their services are asked. */
  prepare: async ({ body, customers, products, call, newId, random, undo }) => {
    const { customerId, lines, reservation } = body;
    checkLines(lines);
    const customer = await askForCustomer({ customers, call }, customerId);
    const skus = lines.map(({ sku }) => sku);
    const asked = await askForProducts({ products, call }, skus);
    const orderId = newId();
    if (reservation === "immediate") {
      // What would be refused anyway reserves nothing.
      await customers.check(customerId, customer);
      priced(lines, await products.prices(skus, asked));
      const attempt = attemptFrom(random());
      undo(async (late) => void (await late.call(AbandonReservation, { params: { orderId }, query: { attempt } })));
      await reserve({ call }, { orderId, lines, attempt });
    }
    return { orderId, customer, asked };
  },
  run: async ({ body, prepared, caller, orders, customers, products, timeoutMs, publish, enqueue, now, reply }) => {
    const { orderId, customer, asked } = prepared;
    const { customerId, paymentMethod } = body;
    if (customer !== undefined) await customers.remember(customer);
    for (const product of asked) await products.remember(product);
    const { lines, total } = priced(body.lines, await products.prices(body.lines.map(({ sku }) => sku)));
    const number = await customers.countOrder(customerId);
    const createdAt = now().toISOString();
    const order: Order = { orderId, customerId, number, status: "pending", lines, total, createdAt };
    const owner = ownerOf(caller);
    await orders.insert(order, owner);
    publish(OrderCreated, {
      orderId,
      customerId,
      number,
      lines,
      total,
      paymentMethod,
      ...(owner === undefined ? {} : { owner }),
    });
    enqueue(ExpireOrder, { orderId }, { afterMs: timeoutMs });
    return reply(201, order, { location: `/orders/${orderId}` });
  },
});

type Call = Pick<Outside, "call">;

async function askForCustomer(
  { customers, call }: Call & { readonly customers: KnownCustomers },
  customerId: string,
): Promise<KnownCustomer | undefined> {
  if (await customers.has(customerId)) return undefined;
  try {
    return (await call(LookUpCustomer, { params: { customerId }, fromClient: ["customerId"] })).body;
  } catch (error) {
    if (isProblem(error, CustomersDoesNotKnow.code)) throw UnknownCustomer({ customerId });
    throw error;
  }
}

async function askForProducts(
  { products, call }: Call & { readonly products: KnownProducts },
  skus: readonly string[],
): Promise<readonly KnownProduct[]> {
  const missing = await products.missing(skus);
  if (missing.length === 0) return [];
  // One call for all of them: an order may name a hundred.
  const { items } = (await call(ListStock, { query: { sku: [...missing], limit: missing.length } })).body;
  const stocked = new Set(items.map(({ sku }) => sku));
  for (const sku of missing) if (!stocked.has(sku)) throw UnknownProduct({ sku });
  return items;
}

/** Of one request, not of one order: a repetition under its Idempotency-Key is an attempt of its own. */
const attemptFrom = (chance: number): string => Math.floor(chance * Number.MAX_SAFE_INTEGER).toString(36);

/** A reservation that is still undecided does not hold the order up: it waits for the outcome like any other. */
async function reserve({ call }: Call, body: BodyOf<typeof ReserveStock>): Promise<void> {
  try {
    await call(ReserveStock, { body, fromClient: ["lines"] });
  } catch (error) {
    if (isProblem(error, InventoryHasTooLittle.code)) throw OutOfStock({ reason: findProblem(error)?.message ?? "" });
    throw error;
  }
}
