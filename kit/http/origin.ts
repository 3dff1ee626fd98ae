/** The address that a socket is bound to. IPv6 addresses may be written in brackets, as in URLs, or without. */
export const listenAddress = (host: string): string =>
  host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;

const urlOf = (host: string): string => {
  const address = listenAddress(host);
  return `http://${address.includes(":") ? `[${address}]` : address}`;
};

/** Whether this is an address, or may be the name of one. */
export const isHost = (host: string): boolean => /^[^\s/?#@\\]+$/.test(host) && URL.canParse(urlOf(host));

/** The origin of a server, for clients on the same machine: one that listens on all addresses (`0.0.0.0`, `::`) is reached over loopback. */
export function originOf(host: string, port: number): string {
  const { hostname } = new URL(urlOf(host));
  const reached = hostname === "[::]" ? "[::1]" : hostname === "0.0.0.0" ? "127.0.0.1" : hostname;
  return `http://${reached}:${String(port)}`;
}
