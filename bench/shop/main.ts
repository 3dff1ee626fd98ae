import { main, startPlatform } from "holdfast/cli";
import { subject } from "../harness/subject.ts";
import { billing } from "./billing.ts";
import { inventory } from "./inventory.ts";
import { notifications } from "./notifications.ts";
import { orders } from "./orders.ts";

/**
 * The peers' shop on the kit, with everything that the kit does left on. Its folder is the first argument; names of services start only those. With
 * `--processes` it is the entry of the services' processes, too.
 */
const systems = { shop: [orders, inventory, billing, notifications] };
const mark = process.env["HOLDFAST_CHILD"];
if (mark !== undefined) await main({ systems, args: process.argv.slice(2), env: { HOLDFAST_CHILD: mark } });
else {
  const flags = [`--data=${process.argv[2] ?? ""}`, "--port=0", "--service-port=0", "--log-level=warn"];
  const platform = await startPlatform({ systems, args: [...flags, ...process.argv.slice(3)], env: {} });
  const url = platform.addresses.find(({ name }) => name === "orders")?.url ?? "";
  subject({ url }, () => platform.stop(5_000));
}
