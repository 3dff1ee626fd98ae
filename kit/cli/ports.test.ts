import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { freePorts } from "./fixtures/free-ports.ts";
import { dataFolder, RunningPlatform } from "./fixtures/run-platform.ts";
import { greeting } from "./main.ts";
import { portsOf, type PortsWanted } from "./ports.ts";

const school = ["registrations", "payments", "courses"].map((name) => ({ name }));
const known = { registrations: 8001, payments: 8002, courses: 8003, users: 8002 };
const ports = (wanted: Partial<PortsWanted>) =>
  portsOf({ services: school, known, named: true, first: undefined, door: 8080, ...wanted }).map(
    ({ name, port, takenBy }) =>
      `${name} ${String(port)}${takenBy === undefined ? "" : `, not ${String(takenBy.port)} of ${takenBy.name}`}`,
  );

test("services that are started by name have the ports that they are known by, all others are counted through", () => {
  assert.deepEqual(ports({}), ["registrations 8001", "payments 8002", "courses 8003"]);
  assert.deepEqual(ports({ named: false }), ["registrations 8101", "payments 8102", "courses 8103"]);
  const some = [{ name: "orders" }, { name: "courses" }, { name: "billing" }];
  assert.deepEqual(ports({ services: some }), ["orders 8101", "courses 8003", "billing 8102"]);
  assert.deepEqual(ports({ first: 9001 }), ["registrations 9001", "payments 9002", "courses 9003"]);
  assert.deepEqual(ports({ first: 0 }), ["registrations 0", "payments 0", "courses 0"]);
});

test("of two that would have one port the first has it, and nobody has the front door's or one that is another's", () => {
  const all = [...school, { name: "users" }];
  assert.deepEqual(ports({ services: all }).slice(3), ["users 8101, not 8002 of payments"]);
  assert.deepEqual(ports({ door: 8001 }), [
    "registrations 8101, not 8001 of the front door",
    "payments 8002",
    "courses 8003",
  ]);
  const within = { known: { courses: 8101 }, door: 8102 };
  assert.deepEqual(ports(within), ["registrations 8103", "payments 8104", "courses 8101"]);
  assert.deepEqual(ports({ first: 8079 }), ["registrations 8079", "payments 8081", "courses 8082"]);
});

test("the table says who has the port that a service would have otherwise, and what to try first", () => {
  const url = "http://127.0.0.1:8080";
  const users = { name: "users", url: "http://127.0.0.1:8101", takenBy: { port: 8002, name: "payments" } };
  const text = greeting({ url, addresses: [users] }, 250, ({ addresses }) => `curl ${addresses[0]?.url ?? ""}`);
  assert.match(text, /^ {2}users {10}http:\/\/127\.0\.0\.1:8101 \(8002 is taken by payments\)$/m);
  assert.match(text, /^Try: curl http:\/\/127\.0\.0\.1:8101$/m);
  assert.doesNotMatch(
    greeting({ url, addresses: [] }, 250, () => undefined),
    /Try/,
  );
});

const entry = path.join(import.meta.dirname, "fixtures/two-services.ts");
const who = async (port: number, name: string) => (await fetch(`http://127.0.0.1:${String(port)}/${name}`)).json();

test("with a process for each, services answer at the ports that they are known by", async () => {
  await using data = await dataFolder();
  const [one = 0, two = 0] = await freePorts(2);
  const args = ["two", "one", "--port=0", "--log-level=critical", `--data=${data.path}`, "--processes"];
  const env = { TEST_PORTS: `${String(one)},${String(two)}` };
  await using platform = new RunningPlatform(args, { entry, env });
  await platform.ready();
  assert.match(
    platform.said,
    new RegExp(`two +http://127\\.0\\.0\\.1:${String(two)}\n +one +http://127\\.0\\.0\\.1:${String(one)}\n`),
  );
  assert.deepEqual([await who(one, "one"), await who(two, "two")], [{ name: "one" }, { name: "two" }]);
});
