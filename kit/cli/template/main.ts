import { main } from "holdfast/cli";
import { services } from "./services.ts";

await main({
  systems: { all: services },
  args: process.argv.slice(2),
  env: process.env,
  example: (url) =>
    `curl -s ${url}/notes -H 'content-type: application/json' -d '{"topic":"garden","text":"Water the roses"}'`,
});
