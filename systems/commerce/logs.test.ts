import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { developmentKeys, mintToken } from "holdfast/access";
import { embeddedBroker } from "holdfast/brokers";
import { systemRuntime } from "holdfast/runtime";
import { silentLogger } from "holdfast/telemetry";
import { until } from "holdfast/testing";
import { serveCapture, testAddresses } from "../notifications/mail/capture-server.ts";

/** In every text of every body, header and message, but for ids, SKUs and the names of cards. */
const canary = "canary";
const runtime = systemRuntime();

/** The shop in a process of its own, which says all that it ever says. */
async function shop(t: TestContext) {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-logs-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const mail = await serveCapture(path.join(data, "mail-server.db"), 0);
  t.after(() => mail.close());
  const flags = ["--port=0", "--service-port=0", "--log-level=debug", "--seed=false", `--data=${data}`];
  const running = fork(
    path.join(import.meta.dirname, "../main.ts"),
    [...flags, `--notifications.mail=${mail.url}`, `--notifications.operator=${canary}@example.com`],
    { stdio: ["ignore", "pipe", "pipe", "ipc"] },
  );
  const ended = once(running, "exit");
  t.after(() => void running.kill("SIGKILL"));
  let console = "";
  for (const stream of [running.stdout, running.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (console += text));
  const urlOf = () => /front door\s+(http:\S+)/.exec(console)?.[1];
  await until("the shop is ready", () => urlOf() !== undefined);
  const keys = await developmentKeys(data);
  const token = await mintToken(keys, {
    caller: { kind: "user", id: "ops", roles: ["operator"] },
    clock: runtime.clock,
  });
  return {
    data,
    token,
    console: () => console,
    async ask(
      method: string,
      address: string,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Readonly<Record<string, unknown>> & { readonly http: number }> {
      const reply = await fetch(`${urlOf() ?? ""}${address}`, {
        method,
        headers: {
          "content-type": "application/json",
          "user-agent": canary,
          cookie: `session=${canary}`,
          "x-anything": canary,
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await reply.text();
      // Proof: the shop answers with JSON objects.
      return { ...(JSON.parse(text) as Readonly<Record<string, unknown>>), http: reply.status };
    },
    async stop() {
      running.kill("SIGTERM");
      await ended;
    },
  };
}

test("neither console nor log files tell what stood in a body, a header, a message or a token, whatever comes of it", async (t) => {
  const { data, token, console, ask, stop } = await shop(t);
  const operator = { authorization: `Bearer ${token}` };
  const product = { name: `${canary} apple`, price: { amount: 250, currency: "EUR" }, quantity: 100, threshold: 99 };
  assert.equal((await ask("PUT", "/stock/apple", product, operator)).http, 200);
  const person = async (email: string) => {
    const customer = await ask(
      "POST",
      "/customers",
      { name: `${canary} person`, email },
      { "idempotency-key": `${canary}-${email}` },
    );
    assert.equal(customer.http, 201);
    return String(customer["customerId"]);
  };
  const [ada, slow, gone] = [
    await person(`${canary}@example.com`),
    await person(testAddresses.busyOnce),
    await person(testAddresses.bounces),
  ];
  const order = async (customerId: string, paymentMethod: string) => {
    const lines = [{ sku: "apple", quantity: 1 }];
    const placed = await ask(
      "POST",
      "/orders",
      { customerId, lines, paymentMethod },
      { "idempotency-key": `${canary}-${customerId}-${paymentMethod}` },
    );
    assert.equal(placed.http, 201);
    return String(placed["orderId"]);
  };
  const orders = [
    await order(ada, "card_ok"),
    await order(slow, "card_ok"),
    await order(gone, "card_declined"),
    await order(ada, "card_down"),
    await order(ada, `card_${canary}`),
  ];

  // Requests that are refused, each for a reason of its own.
  const lines = [{ sku: "apple", quantity: 1 }];
  const refused: readonly (readonly [number, Promise<{ readonly http: number }>])[] = [
    [400, ask("POST", "/customers", `{"name":"${canary}","email":${canary}}`)],
    [400, ask("POST", "/customers", { name: `${canary} person`, email: canary })],
    [400, ask("POST", "/customers", { name: { [canary]: canary }, email: "x@example.com", [canary]: canary })],
    [400, ask("POST", "/orders", { customerId: canary, lines, paymentMethod: canary, reservation: canary })],
    [404, ask("POST", "/orders", { customerId: ada, lines: [{ sku: "pear", quantity: 1 }], paymentMethod: canary })],
    [
      401,
      ask(
        "POST",
        "/customers",
        { name: canary, email: "x@example.com" },
        { authorization: `Bearer eyJ${canary}aaaa.eyJ${canary}.${canary}` },
      ),
    ],
    [401, ask("GET", `/orders/${orders[0] ?? ""}`, undefined, { authorization: canary })],
    [401, ask("PUT", "/stock/apple", product)],
    [404, ask("GET", `/${canary}?${canary}=${canary}`)],
    [415, ask("POST", "/customers", canary, { "content-type": `text/${canary}` })],
  ];
  for (const [status, reply] of refused) assert.equal((await reply).http, status);

  // Messages of a foreign producer that no consumer can take.
  const broker = await embeddedBroker({
    file: path.join(data, "broker.db"),
    durability: "full",
    runtime,
    log: silentLogger,
  });
  const foreign = [`{"customerId": ${canary}}`, JSON.stringify({ customerId: canary, name: canary })];
  for (const [at, text] of foreign.entries()) {
    await broker.publish({ name: "foreign", epoch: 1 }, [
      {
        id: runtime.ids.uuidv7(),
        source: "/foreign",
        type: "customer.created",
        version: 1,
        key: String(at),
        time: new Date(runtime.clock.now()).toISOString(),
        correlationId: "foreign",
        causationId: undefined,
        traceparent: undefined,
        headers: { [canary]: canary },
        data: text,
      },
    ]);
  }
  await broker.close();

  for (const orderId of orders)
    await until("the order is decided", async () => (await ask("GET", `/orders/${orderId}`))["status"] !== "pending");
  await until("the foreign messages are dead", () => console().split("message is dead").length > foreign.length);
  await until("a mail was tried again", () => console().includes("parked message handled subscription=notifications/"));
  await stop();

  const logs = path.join(data, "logs");
  const files = await readdir(logs);
  assert.ok(files.includes("billing.log") && files.includes("orders_errors.log"), files.join());
  const written = await Promise.all(files.map((file) => readFile(path.join(logs, file), "utf8")));
  assert.match(written.join(), /"subscription":"billing\/job:charge-invoice".*GatewayUnavailable/);
  for (const text of [console(), ...written]) {
    for (const secret of [canary, token, ...Object.values(testAddresses)])
      assert.ok(!text.includes(secret), `${secret}: ${text}`);
  }
});
