import { startPlatform } from "holdfast/cli";
import { subject } from "../harness/subject.ts";
import { billing } from "./billing.ts";
import { inventory } from "./inventory.ts";
import { notifications } from "./notifications.ts";
import { orders } from "./orders.ts";

/** The peers' shop on the kit, with everything that the kit does left on. Its folder is the first argument. */
const platform = await startPlatform({
  systems: { shop: [orders, inventory, billing, notifications] },
  args: [
    `--data=${process.argv[2] ?? ""}`,
    "--port=0",
    "--service-port=0",
    "--log-level=warn",
    ...process.argv.slice(3),
  ],
  env: {},
});
const url = platform.addresses.find(({ name }) => name === "orders")?.url ?? "";
subject({ url }, () => platform.stop(1_000));
