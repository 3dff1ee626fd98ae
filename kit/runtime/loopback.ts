import { BlockList, isIP } from "node:net";

const addresses = new BlockList();
addresses.addSubnet("127.0.0.0", 8, "ipv4");
addresses.addAddress("::1", "ipv6");

/** Whether a host name or address is this machine's own: `localhost` and names below it (RFC 6761), 127.0.0.0/8 and ::1, with or without brackets. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  const family = isIP(name);
  return family === 0 ? /^(?:.+\.)?localhost\.?$/.test(name) : addresses.check(name, family === 4 ? "ipv4" : "ipv6");
}
