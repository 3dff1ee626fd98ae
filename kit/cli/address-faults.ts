import { isIP } from "node:net";
import { isHost } from "../http/index.ts";

export interface Addresses {
  readonly host: string;
  readonly trustProxy: string | undefined;
}

/** What is wrong with settings that are addresses. */
export function addressFaults({ host, trustProxy }: Addresses): readonly string[] {
  const untrusted = trustProxy?.split(",").find((network) => !isNetwork(network.trim()));
  return [
    ...(isHost(host) ? [] : [`--host=${host} is no address or name. Give 127.0.0.1 or ::1, or 0.0.0.0 or :: for all.`]),
    ...(untrusted === undefined
      ? []
      : [`--trust-proxy: "${untrusted}" is no address. Give loopback, an address, or a network such as 10.0.0.0/8.`]),
  ];
}

/** What `proxy-addr`, which Fastify asks, knows: its names, addresses and networks. */
function isNetwork(text: string): boolean {
  if (["loopback", "linklocal", "uniquelocal"].includes(text)) return true;
  const [address = "", bits = "0", ...more] = text.split("/");
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most && more.length === 0;
}
