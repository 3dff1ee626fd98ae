// `node systems/payment-gateway/main.ts --file=… [--port=…]`: the embedded gateway as a process of its own. Prints its address.
import { parseArgs } from "node:util";
import { systemRuntime } from "holdfast/runtime";
import { embeddedGateway } from "./embedded.ts";
import { serveGateway } from "./server.ts";

const { values } = parseArgs({ options: { file: { type: "string" }, port: { type: "string", default: "0" } } });
if (values.file === undefined) throw new Error("Say where it keeps what it knows: --file=<path>.");
const server = await serveGateway(
  embeddedGateway({ file: values.file, runtime: systemRuntime() }),
  Number(values.port),
);
process.stdout.write(`${server.url}\n`);
const stop = () => void server.close();
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
