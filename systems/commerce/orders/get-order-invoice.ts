import { isProblem } from "holdfast/contract";
import { GetInvoice, UnknownInvoice } from "../billing/contracts.ts";
import { GetOrderInvoice, UnknownOrder } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getOrderInvoice = handle(GetOrderInvoice, {
  prepare: async ({ params: { orderId }, orders, call }) => {
    await orders.require(orderId);
    try {
      return (await call(GetInvoice, { params: { orderId }, fromClient: ["orderId"] })).body;
    } catch (error) {
      if (isProblem(error, UnknownInvoice.code)) throw UnknownOrder({ orderId });
      throw error;
    }
  },
  run: async ({ prepared, reply }) => Promise.resolve(reply(200, prepared)),
});
