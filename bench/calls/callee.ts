import { startPlatform } from "holdfast/cli";
import { contracts, t } from "holdfast/contract";
import { service } from "holdfast/service";
import { sql } from "holdfast/sql";
import { subject } from "../harness/subject.ts";

const Text = t.Object({ text: t.String({ maxLength: 100 }) });
export const Echo = contracts("callee").endpoint("POST /echo", {
  summary: "Says it again",
  access: "anyone",
  body: Text,
  replies: { 200: Text },
});
const { handle, assemble } = service("callee", { store: sql({ tables: {}, migrations: [] }), scope: () => ({}) });
const echo = handle(Echo, ({ body, reply }) => Promise.resolve(reply(200, body)));
export const callee = assemble({ Echo }, { routes: { Echo: echo }, consumers: [] });
/** Who asks: tokens of services that do not exist are refused. */
const caller = service("caller", { store: sql({ tables: {}, migrations: [] }), scope: () => ({}) }).assemble(
  {},
  { routes: {}, consumers: [] },
);

// The service in a process of its own, too.
if (import.meta.main) {
  const platform = await startPlatform({
    systems: { callee: [callee], caller: [caller] },
    args: ["callee", `--data=${process.argv[2] ?? ""}`, "--port=0", "--service-port=0", "--log-level=warn"],
    env: {},
  });
  subject({ url: platform.addresses[0]?.url ?? "" }, () => platform.stop(1_000));
}
