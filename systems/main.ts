import { main } from "holdfast/cli";
import { example } from "./example.ts";
import { ports } from "./ports.ts";
import { seed } from "./seed.ts";
import { systems } from "./systems.ts";

await main({ systems, ports, args: process.argv.slice(2), env: process.env, seed, example });
