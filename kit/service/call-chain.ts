import type { Caller } from "../contract/index.ts";

/** Header of a call between services: the names of the services that wait for it, first to last, as `orders, inventory`. */
export const callChainHeader = "x-call-chain";

export const formatCallChain = (chain: readonly string[]): string => chain.join(", ");

/** The services that wait for a request. A service says so itself and is believed; what any other client sends is ignored. */
export function callChainOf(
  caller: Caller | undefined,
  header: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (caller?.kind !== "service") return undefined;
  const names = typeof header === "string" ? header.split(",").map((name) => name.trim()) : [];
  const chain = names.filter((name) => name !== "");
  return chain.at(-1) === caller.name ? chain : [...chain, caller.name];
}
