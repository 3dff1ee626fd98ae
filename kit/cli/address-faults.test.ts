import assert from "node:assert/strict";
import { test } from "node:test";
import { addressFaults } from "./address-faults.ts";

test("a host that is no address, and a trusted proxy that is none, are refused by name", () => {
  const faults = (host: string, trustProxy?: string) => addressFaults({ host, trustProxy }).join();
  for (const host of ["127.0.0.1", "::1", "[::1]", "::", "0.0.0.0", "localhost"]) assert.equal(faults(host), "", host);
  for (const host of ["", "127.0.0.1:80", "http://x", "fe80::1%eth0"])
    assert.match(faults(host), /^--host=.* is no address/);
  for (const network of ["loopback", "10.0.0.0/8", "::1", "2001:db8::/32, loopback, uniquelocal"])
    assert.equal(faults("::1", network), "", network);
  for (const network of ["", "nobody", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/x", "loopback,"])
    assert.match(faults("::1", network), /^--trust-proxy: ".*" is no address/, network);
});
