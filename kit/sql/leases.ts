import type { Lease } from "../messaging/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Session } from "./engine.ts";
import { numberOf, textOf } from "./rows.ts";

/** An owner that can be seen to be gone: `pid:<pid>:<anything>`. */
export const ownerName = (runtime: Runtime): string => `pid:${String(process.pid)}:${runtime.ids.uuidv7()}`;

/**
 * Takes or renews a lease on the clock that all processes of a machine share. Void are: one that has expired, one that ends further ahead than any could
 * (the machine was restarted), and one of a process that is gone.
 */
export async function takeLease(
  session: Session,
  { clock, faults }: Runtime,
  { name, owner, ttlMs }: { readonly name: string; readonly owner: string; readonly ttlMs: number },
): Promise<Lease | undefined> {
  const now = Math.floor(clock.monotonic());
  const { rows } = await session.run("SELECT owner, epoch, expires FROM holdfast_leases WHERE name = ?", [name]);
  const [row] = rows;
  if (row === undefined) {
    const { changes } = await session.run(
      "INSERT INTO holdfast_leases (name, owner, epoch, expires) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING",
      [name, owner, now + ttlMs],
    );
    return changes === 0 ? undefined : { name, epoch: 1 };
  }
  const holder = textOf(row, "owner");
  const expires = numberOf(row, "expires");
  const mine = holder === owner;
  if (!mine && expires > now && expires <= now + ttlMs && !ownerIsGone(holder)) return undefined;
  const epoch = numberOf(row, "epoch") + (mine ? 0 : 1);
  if (mine) faults.at("lease:renewing");
  // Where two may read at the same time, one of them finds the row changed.
  const { changes } = await session.run(
    "UPDATE holdfast_leases SET owner = ?, epoch = ?, expires = ? WHERE name = ? AND owner = ? AND epoch = ?",
    [owner, epoch, now + ttlMs, name, holder, numberOf(row, "epoch")],
  );
  if (changes === 0) return undefined;
  if (mine) faults.at("lease:renewed");
  return { name, epoch };
}

export async function holdsLease(session: Session, { name, epoch }: Lease): Promise<boolean> {
  const { rows } = await session.run("SELECT epoch FROM holdfast_leases WHERE name = ?", [name]);
  return rows[0] !== undefined && numberOf(rows[0], "epoch") === epoch;
}

/** Expires it, so that the next owner need not wait; the epoch stays for the next one to count on. */
export async function giveUpLease(session: Session, { name, epoch }: Lease, owner: string): Promise<void> {
  await session.run("UPDATE holdfast_leases SET expires = 0 WHERE name = ? AND epoch = ? AND owner = ?", [
    name,
    epoch,
    owner,
  ]);
}

/** Whether an owner named `pid:…` is a process of this machine that has ended. */
export function ownerIsGone(owner: string): boolean {
  const [kind, pid] = owner.split(":");
  if (kind !== "pid" || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
