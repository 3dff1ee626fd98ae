import { StockUpdated } from "../inventory/contracts.ts";
import { on } from "./scope.ts";

export const learnProduct = on(StockUpdated, async ({ data, products }) => {
  await products.learn(data);
});
