// `npm run dev`: the services, with the code as it was saved last.
import path from "node:path";
import { dev } from "holdfast/cli";
import { example } from "./example.ts";

await dev({
  entry: path.join(import.meta.dirname, "main.ts"),
  watch: [import.meta.dirname],
  args: process.argv.slice(2),
  env: process.env,
  example,
});
