import { startPlatform } from "holdfast/cli";
import { contracts } from "holdfast/contract";
import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { burn } from "../harness/burn.ts";
import { subject } from "../harness/subject.ts";
import { PlaceOrder as Stored } from "./contracts.ts";

/** The order's endpoint alone: validated, answered, nothing stored. What the kit costs beside Fastify. */
const PlaceOrder = contracts("plain").endpoint("POST /orders", Stored.spec);
const { handle, assemble } = service("plain", {
  store: sql({ tables: {}, migrations: [] }),
  scope: () => ({}),
});
const placeOrder = handle(PlaceOrder, ({ body, newId, reply }) => {
  burn();
  const { customer_id, items } = body;
  const total_cents = items.reduce((sum, { quantity, unit_price_cents: price }) => sum + quantity * price, 0);
  return Promise.resolve(reply(201, { id: newId(), customer_id, items, total_cents, status: "created" }));
});
const plain = assemble({ PlaceOrder }, { routes: { PlaceOrder: placeOrder }, consumers: [] });

const platform = await startPlatform({
  systems: { plain: [plain] },
  args: [`--data=${process.argv[2] ?? ""}`, "--port=0", "--service-port=0", "--log-level=warn"],
  env: {},
});
subject({ url: platform.addresses[0]?.url ?? "" }, () => platform.stop(1_000));
