import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { controlledRuntime } from "../runtime/index.ts";
import { connect, shelf } from "./fixtures/shelf.ts";
import { frontDoor, isHost, originOf } from "./index.ts";

test("an origin has IPv6 addresses in brackets, and loopback for a server that listens on all addresses", () => {
  const origins = {
    "127.0.0.1": "http://127.0.0.1:80",
    localhost: "http://localhost:80",
    "::1": "http://[::1]:80",
    "[::1]": "http://[::1]:80",
    "0:0:0:0:0:0:0:1": "http://[::1]:80",
    "::": "http://[::1]:80",
    "[::]": "http://[::1]:80",
    "0.0.0.0": "http://127.0.0.1:80",
    "2001:db8::7": "http://[2001:db8::7]:80",
    "::ffff:127.0.0.1": "http://[::ffff:7f00:1]:80",
  };
  for (const [host, origin] of Object.entries(origins)) assert.equal(originOf(host, 80), origin, host);
});

test("what is no address and no name of one is none", () => {
  for (const host of [
    "",
    " ",
    "a b",
    "127.0.0.1:80",
    "http://x",
    "x/y",
    "user@x",
    "[::1",
    "::1]",
    "fe80::1%eth0",
    "::g",
  ])
    assert.equal(isHost(host), false, host);
  for (const host of ["localhost", "0.0.0.0", "::", "[::1]", "shop.example"]) assert.equal(isHost(host), true, host);
});

const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
const skip = all.some(({ address }) => address === "::1") ? false : "needs IPv6";

test("a server listens on IPv6 addresses, and is reached where it says", { skip }, async (t) => {
  const { servers } = await shelf(t);
  const runtime = controlledRuntime();
  for (const host of ["::1", "[::1]", "::", "[::]"]) {
    const door = await frontDoor({ services: servers, port: 0, host, runtime });
    t.after(() => door.close(100));
    assert.equal(door.url, `http://[::1]:${String(door.port)}`, host);
    assert.equal(await (await fetch(`${door.url}/books/x`)).text(), '{"name":"book x"}');
    const line = await connect(door.url);
    line.send("GET /books/x HTTP/1.1\r\nhost: x\r\n\r\n");
    await line.until(/book x/);
    line.end();
  }
});
