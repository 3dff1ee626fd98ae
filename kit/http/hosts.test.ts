import assert from "node:assert/strict";
import { test } from "node:test";
import { allowsHost, isHostHeader } from "./hosts.ts";

const foreign = [
  "evil.example",
  "evil.example:8080",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "notlocalhost",
  "10.0.0.1",
  "[2001:db8::1]",
  "0.0.0.0",
  "",
];

test("a server on loopback is reached by the names and addresses of loopback, and by no others", () => {
  for (const host of ["127.0.0.1", "localhost", "::1", "[::1]"]) {
    const allows = allowsHost({ host });
    for (const header of [
      "localhost",
      "LOCALHOST:8080",
      "localhost.",
      "shop.localhost:1",
      "127.0.0.1",
      "127.9.9.9:80",
      "[::1]:8080",
      "[0:0:0:0:0:0:0:1]",
      "[::ffff:127.0.0.1]",
    ])
      assert.equal(allows(header), true, header);
    for (const header of foreign) assert.equal(allows(header), false, header);
  }
});

test("a server on one name or address is reached by that, too", () => {
  assert.equal(allowsHost({ host: "10.0.0.1" })("10.0.0.1:8080"), true);
  assert.equal(allowsHost({ host: "10.0.0.1" })("10.0.0.2:8080"), false);
  assert.equal(allowsHost({ host: "2001:db8::1" })("[2001:db8::1]:8080"), true);
  assert.equal(allowsHost({ host: "Shop.test" })("shop.TEST"), true);
});

test("a server on all addresses is reached by any address, and by no foreign name", () => {
  for (const host of ["0.0.0.0", "::", "[::]"]) {
    const allows = allowsHost({ host });
    for (const header of ["10.0.0.1:8080", "[2001:db8::1]", "0.0.0.0:8080", "localhost"])
      assert.equal(allows(header), true, header);
    for (const header of ["evil.example", "10.0.0.1.evil.example", "", "10.0.0", "0x7f.1"])
      assert.equal(allows(header), false, header);
  }
});

test("more names are allowed one by one, or all below one", () => {
  const allows = allowsHost({ host: "127.0.0.1", names: ["Shop.test", "*.dev.test", "10.0.0.7"] });
  for (const header of ["shop.test", "shop.test.:8080", "a.dev.test", "a.b.dev.test", "10.0.0.7:80"])
    assert.equal(allows(header), true, header);
  assert.equal(allowsHost({ host: "127.0.0.1", names: ["*"] })("evil.example"), true);
  for (const header of ["a.shop.test", "dev.test", "xdev.test", ".dev", "test", "10.0.0.8"])
    assert.equal(allows(header), false, header);
});

test("a Host header is a name or an address, with a port or without", () => {
  for (const header of ["", "a", "a:", "a:80", "a_b.c", "%41", "[::1]:80", "1.2.3.4"])
    assert.equal(isHostHeader(header), true, header);
  for (const header of [
    "a b",
    "a/b",
    "a@b",
    "http://a",
    "a:b",
    "a:80:80",
    "[::1",
    "::1",
    "a,b:c",
    "a?b",
    "a#b",
    'a"b',
    "[a.test]",
  ])
    assert.equal(isHostHeader(header), false, header);
});
