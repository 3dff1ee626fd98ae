import { main } from "holdfast/cli";
import { example } from "./example.ts";
import { services } from "./services.ts";

await main({ systems: { all: services }, args: process.argv.slice(2), env: process.env, example });
