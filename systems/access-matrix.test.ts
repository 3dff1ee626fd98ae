import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { developmentKeys, mintToken } from "holdfast/access";
import { startPlatform } from "holdfast/cli";
import type { Caller } from "holdfast/contract";
import { systemRuntime } from "holdfast/runtime";
import { describe } from "holdfast/service";
import { until } from "holdfast/testing";
import { callers, decisions, type Asked, type Who, type World } from "./fixtures/access-decisions.ts";
import { services, systems } from "./systems.ts";

const runtime = systemRuntime();
const routes = services.flatMap((service) => describe(service).endpoints.map(({ route }) => route));
/** Whatever they ask for: their tokens are none. */
const impostors = ["a service that does not exist", "a token whose time is over"] as const;
type Token = Who | (typeof impostors)[number];
const tokens: readonly Token[] = [...impostors, ...callers];

const user = (id: string, ...roles: readonly string[]): Caller => ({ kind: "user", id, roles });
const identities: Readonly<Record<Exclude<Token, "guest">, Caller>> = {
  owner: user("owner"),
  other: user("other"),
  operator: user("ops", "operator"),
  service: { kind: "service", name: "orders" },
  "a service that does not exist": { kind: "service", name: "ordres" },
  "a token whose time is over": user("owner", "operator"),
};

interface Answer {
  readonly status: number;
  readonly text: string;
}
type Ask = (as: Token, route: string, asked?: Omit<Asked, "decision">) => Promise<Answer>;

async function asker(data: string, url: string): Promise<Ask> {
  const keys = await developmentKeys(data);
  const { clock } = runtime;
  const minted = new Map<Token, string>();
  for (const [who, caller] of Object.entries(identities)) {
    const lifetime = who === "a token whose time is over" ? -60 : 600;
    minted.set(who as Token, await mintToken(keys, { caller, clock, lifetime })); // Proof: keys of `identities`.
  }
  return async (as, route, { path: given, query, body, headers = {} } = {}) => {
    const [method = "", template = ""] = route.split(" ");
    const token = minted.get(as);
    const reply = await fetch(`${url}${given ?? template}${query === undefined ? "" : `?${query}`}`, {
      method,
      headers: {
        ...headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: reply.status, text: await reply.text() };
  };
}

/** Makes a record of each kind. */
async function populate(ask: Ask): Promise<World> {
  const made = async (as: Token, route: string, asked: Omit<Asked, "decision">): Promise<string> => {
    const { status, text } = await ask(as, route, asked);
    assert.ok(status < 300, `${route}: ${text}`);
    const reply: unknown = JSON.parse(text);
    const ids = ["orderId", "registrationId", "customerId"].map((name): unknown =>
      typeof reply === "object" && reply !== null ? Reflect.get(reply, name) : undefined,
    );
    return ids.find((id) => typeof id === "string") ?? "";
  };
  const price = { amount: 100, currency: "EUR" };
  await made("operator", "PUT /stock/apple", { body: { name: "Apple", price, quantity: 1_000 } });
  for (const id of ["10", "20", "30"])
    await made("operator", `PUT /courses/${id}`, { body: { title: `Course ${id}`, price, seats: 100 } });
  const join = (as: Token) => made(as, "POST /customers", { body: { name: "Somebody", email: `${as}@example.com` } });
  const order = (as: Token, customerId: string) =>
    made(as, "POST /orders", {
      body: { customerId, lines: [{ sku: "apple", quantity: 1 }], paymentMethod: "card_ok" },
    });
  const register = (as: Token, course: string) =>
    made(as, "POST /register", { query: `user_id=owner&user_email=o@example.com&course_id=${course}` });
  const [customerId, guestCustomerId] = [await join("owner"), await join("guest")];
  const world: World = {
    customerId,
    guestCustomerId,
    orderId: await order("owner", customerId),
    orderForGuestId: await order("owner", guestCustomerId),
    registrationId: await register("owner", "10"),
    cancelledId: await register("owner", "30"),
    guestRegistrationId: await register("guest", "10"),
    newId: () => runtime.ids.uuidv7(),
  };
  const sms = { email: true, sms: "+4915112345678", muted: [] };
  await ask("owner", "PUT /notifications/preferences/owner", { body: sms });
  const settled = (route: string, state: RegExp) =>
    until(`${route} is ${state.source}`, async () => state.test((await ask("operator", route)).text));
  await settled(`GET /orders/${world.orderId}`, /"status":"confirmed"/);
  await settled(`GET /billing/${world.orderId}`, /"state":"paid"/);
  for (const id of [world.registrationId, world.cancelledId, world.guestRegistrationId])
    await settled(`GET /registrations/${id}`, /"stage":"completed"/);
  await until("the owner's mail is known", async () => {
    const asked = decisions(world)["GET /notifications/{notificationId}"];
    return asked !== undefined && "decision" in asked && (await ask("operator", "GET ", asked)).status === 200;
  });
  return world;
}

/** Asks for everything as everybody, those first who are to be refused; gives what is otherwise than decided. */
async function differences(ask: Ask, world: World): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [route, decided] of Object.entries(decisions(world)))
    for (const asked of "decision" in decided ? [decided] : decided) {
      const { decision, shows } = asked;
      for (const as of tokens) {
        const expected = as === impostors[0] || as === impostors[1] ? 401 : decision[as];
        const { status, text } = await ask(as, route, asked);
        const where = `${route} as ${as}`;
        if (status !== expected) found.push(`${where}: ${String(status)} in place of ${String(expected)} ${text}`);
        if (shows === undefined) continue;
        const isTo = shows.to.some((who) => who === as);
        if (text.includes(shows.text) !== isTo) found.push(`${where} ${isTo ? "hides" : "shows"} ${shows.text}`);
      }
    }
  return found;
}

const undecided = (all: readonly string[], decided: object) => all.filter((route) => !(route in decided));
const anyWorld: World = {
  customerId: "",
  orderId: "",
  registrationId: "",
  cancelledId: "",
  guestCustomerId: "",
  orderForGuestId: "",
  guestRegistrationId: "",
  newId: () => "",
};

test("who may call it is decided for every endpoint of every service; one without a decision is seen", () => {
  const decided = decisions(anyWorld);
  assert.deepEqual(undecided(routes, decided), []);
  assert.deepEqual(
    Object.keys(decided).filter((route) => !routes.includes(route)),
    [],
    "decided for what is not there",
  );
  assert.deepEqual(undecided([...routes, "GET /secrets"], decided), ["GET /secrets"]);
});

async function folder(t: TestContext): Promise<string> {
  const data = await mkdtemp(path.join(os.tmpdir(), "holdfast-access-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  return data;
}
const flags = (data: string) => [
  "--port=0",
  "--service-port=0",
  "--log-level=critical",
  "--seed=false",
  `--data=${data}`,
];

test("in one process everybody may do what is decided, and nothing else; what is not decided for differs from it", async (t) => {
  const data = await folder(t);
  const platform = await startPlatform({ systems, args: flags(data), env: {} });
  t.after(() => platform.stop(2_000));
  const ask = await asker(data, platform.url);
  const world = await populate(ask);
  assert.deepEqual(await differences(ask, world), []);
  // Shown that somebody else's record is the guest's, the comparison says so.
  const wrong = await differences(ask, { ...world, orderId: world.orderForGuestId, customerId: world.guestCustomerId });
  assert.ok(wrong.some((each) => each.startsWith("GET /customers/{customerId} as guest: 200 in place of 404")));
});

test("through the front door of a process for each service everybody may do the same", async (t) => {
  const data = await folder(t);
  const running = fork(path.join(import.meta.dirname, "main.ts"), [...flags(data), "--processes"], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  let said = "";
  running.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
  t.after(async () => {
    const ended = once(running, "exit");
    running.kill("SIGTERM");
    await ended;
  });
  const url = () => /front door\s+(http:\S+)/.exec(said)?.[1];
  await until("the platform is ready", () => url() !== undefined);
  const ask = await asker(data, url() ?? "");
  assert.deepEqual(await differences(ask, await populate(ask)), []);
});
