// `node scripts/twins.ts`: a thousand requests with one Idempotency-Key, to two platforms in processes of their own on the same data: one order, one reply.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Stores } from "../systems/traffic/stores.ts";
import { frontDoorOf, exitOf } from "./children.ts";
import { root } from "./repository.ts";

const data = mkdtempSync(path.join(os.tmpdir(), "holdfast-twins-"));
const flags = ["commerce", "--port=0", "--service-port=0", "--log-level=error", `--data=${data}`];
const start = () =>
  spawn(process.execPath, [path.join(root, "systems/main.ts"), ...flags], { stdio: ["ignore", "pipe", "inherit"] });

const first = start();
const platforms = [first];
try {
  const urls = [await frontDoorOf(first)];
  const second = start();
  platforms.push(second);
  urls.push(await frontDoorOf(second));
  const ask = async (at: number, address: string, body: unknown, key: string): Promise<string> => {
    const reply = await fetch(`${urls[at % urls.length] ?? ""}${address}`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(body),
    });
    return `${String(reply.status)} ${await reply.text()}`;
  };
  const customer = await ask(0, "/customers", { name: "Ada", email: "ada@example.com" }, "ada");
  const customerId = /"customerId":"([^"]*)"/.exec(customer)?.[1];
  const order = { customerId, lines: [{ sku: "apple", quantity: 1 }], paymentMethod: "card_ok" };
  const replies = await Promise.all(Array.from({ length: 1_000 }, (_, at) => ask(at, "/orders", order, "the-one")));
  const distinct = new Set(replies);
  using stores = new Stores(data);
  const orders = stores.number("orders", "SELECT count(*) FROM orders");
  console.log(`1000 twins over two processes: ${String(orders)} order, ${String(distinct.size)} reply`);
  if (orders !== 1 || distinct.size !== 1 || !replies[0]?.startsWith("201 ")) {
    console.error([...distinct].slice(0, 3).join("\n"));
    process.exitCode = 1;
  }
} finally {
  for (const platform of platforms) {
    const ended = exitOf(platform);
    platform.kill("SIGTERM");
    await ended;
  }
  rmSync(data, { recursive: true, force: true });
}
