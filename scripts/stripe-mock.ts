// `node scripts/stripe-mock.ts -- command [arguments]` runs a command beside Stripe's own mock (stripe-mock, by its OpenAPI description, without a state), on a free
// port of 127.0.0.1, gone afterwards. The command finds it in HOLDFAST_TEST_STRIPE. Needs Go; what Go builds is kept in node_modules/.cache. Without Go the
// command runs alone, and says so; not where HOLDFAST_REQUIRE_ENGINES is 1.
// It shows that Stripe knows every address and parameter that is sent, and that its answers are read as they are made: no key, decline or refund is remembered.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { commandOf, freePort, runBeside, startServer } from "./beside.ts";
import { runCommand } from "./children.ts";
import { root } from "./repository.ts";

const version = "v0.203.0";
const folder = path.join(root, "node_modules/.cache/stripe-mock", version);
const program = path.join(folder, "stripe-mock");

/** Once for each checkout, in about 6 s; false where there is no Go. */
function build(): boolean {
  if (existsSync(program)) return true;
  if (spawnSync("go", ["version"]).status !== 0) return false;
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync("go", ["install", `github.com/stripe/stripe-mock@${version}`], {
    env: { ...process.env, GOBIN: folder },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`go install failed: ${stderr.slice(0, 2_000)}`);
  return true;
}

if (import.meta.main) {
  const command = commandOf("stripe-mock.ts");
  if (build()) {
    // `-http-port` would listen on every address; so does HTTPS, which nobody asks, at a port of which there is one.
    const address = `127.0.0.1:${String(await freePort())}`;
    const server = await startServer([program, "-http-addr", address, "-https-addr", "127.0.0.1:0"], folder);
    process.exitCode = await runBeside(server, command, { HOLDFAST_TEST_STRIPE: `http://${address}` });
  } else {
    if (process.env["HOLDFAST_REQUIRE_ENGINES"] === "1")
      throw new Error("HOLDFAST_REQUIRE_ENGINES=1, and there is no Go to build stripe-mock with");
    console.error("There is no Go to build stripe-mock with: the command runs without it.");
    const [name, ...args] = command;
    process.exitCode = await runCommand(name, args, process.env);
  }
}
