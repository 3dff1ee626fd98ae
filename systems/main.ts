import { main } from "holdfast/cli";
import { commerce } from "./commerce/services.ts";

await main({ systems: { commerce }, args: process.argv.slice(2), env: process.env });
