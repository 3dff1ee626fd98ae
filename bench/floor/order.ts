import { Type, type Static } from "typebox";

/** The order of every shop here: the fields of the peers. */
const Item = Type.Object(
  {
    sku: Type.String({ minLength: 1, maxLength: 64 }),
    quantity: Type.Integer({ minimum: 1, maximum: 1000 }),
    unit_price_cents: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
export const NewOrder = Type.Object(
  {
    customer_id: Type.String({ minLength: 1, maxLength: 64 }),
    items: Type.Array(Item, { minItems: 1, maxItems: 100 }),
  },
  { additionalProperties: false },
);
export type NewOrder = Static<typeof NewOrder>;
export const Order = Type.Object({
  id: Type.String({ format: "uuid" }),
  customer_id: Type.String(),
  items: Type.Array(Item),
  total_cents: Type.Integer(),
  status: Type.String(),
});

export const totalOf = (items: NewOrder["items"]): number =>
  items.reduce((sum, { quantity, unit_price_cents: price }) => sum + quantity * price, 0);
