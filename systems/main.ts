import { main } from "holdfast/cli";
import { commerce } from "./commerce/services.ts";
import { example } from "./example.ts";
import { ports } from "./ports.ts";
import { seed } from "./seed.ts";

await main({ systems: { commerce }, ports, args: process.argv.slice(2), env: process.env, seed, example });
