// `npm run dev`: the platform, with the code as it was saved last.
import path from "node:path";
import { dev } from "holdfast/cli";
import { example } from "./example.ts";

const systems = import.meta.dirname;
await dev({
  entry: path.join(systems, "main.ts"),
  watch: [systems, path.join(systems, "../kit")],
  args: process.argv.slice(2),
  env: process.env,
  example,
});
