import type { Lease } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { ownerIsGone } from "../sql/index.ts";
import type { Doc, DocumentEngine } from "./engine.ts";
import { names } from "./kit-collections.ts";

interface LeaseDoc extends Doc {
  readonly owner: string;
  readonly epoch: number;
  /** Milliseconds since the epoch, on the clocks of the instances: they must agree to well within a lease's time. */
  readonly expires: number;
}

const read = async (engine: Pick<DocumentEngine, "get">, name: string) =>
  (await engine.get(names.leases, name)) as LeaseDoc | undefined; // Proof: written by this file alone.

/**
 * Takes or renews a lease. Void are: one that has expired, one that ends further ahead than any could, and on one machine (`embedded`) that of a process
 * which is gone. What is done under a lost lease is refused by its epoch, not by a clock.
 */
export async function takeLease(
  engine: DocumentEngine,
  { clock, faults }: Runtime,
  { name, owner, ttlMs }: { readonly name: string; readonly owner: string; readonly ttlMs: number },
): Promise<Lease | undefined> {
  const now = Math.floor(clock.now());
  const held = await read(engine, name);
  if (held === undefined) {
    const first: LeaseDoc = { _id: name, version: 1, owner, epoch: 1, expires: now + ttlMs };
    return (await engine.insert(names.leases, [first])).size === 1 ? { name, epoch: 1 } : undefined;
  }
  const mine = held.owner === owner;
  const gone = engine.name === "embedded" && ownerIsGone(held.owner);
  if (!mine && held.expires > now && held.expires <= now + ttlMs && !gone) return undefined;
  const epoch = held.epoch + (mine ? 0 : 1);
  if (mine) faults.at("lease:renewing");
  const next: LeaseDoc = { _id: name, version: held.version + 1, owner, epoch, expires: now + ttlMs };
  if (!(await engine.replace(names.leases, next, held.version))) return undefined;
  if (mine) faults.at("lease:renewed");
  return { name, epoch };
}

export const holdsLease = async (engine: DocumentEngine, { name, epoch }: Lease): Promise<boolean> =>
  (await read(engine, name))?.epoch === epoch;

/** Expires it, so that the next owner need not wait; the epoch stays for the next one to count on. */
export async function giveUpLease(engine: DocumentEngine, { name, epoch }: Lease, owner: string): Promise<void> {
  const held = await read(engine, name);
  if (held?.epoch !== epoch || held.owner !== owner) return;
  await engine.replace(names.leases, { ...held, version: held.version + 1, expires: 0 }, held.version);
}
