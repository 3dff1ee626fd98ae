import { randomFillSync } from "node:crypto";

export interface Random {
  /** In [0, 1). */
  next(): number;
  bytes(length: number): Uint8Array;
  /** So many bytes in hexadecimal digits: cheaper than the bytes. */
  hex(length: number): string;
}

/** One call of the operating system fills this much. */
const poolBytes = 4_096;

function systemRandomness(): Random {
  let pool = "";
  let used = 0;
  return {
    next: () => Math.random(),
    bytes: (length) => randomFillSync(new Uint8Array(length)),
    hex(length) {
      if (used + 2 * length > pool.length) {
        pool = randomFillSync(Buffer.alloc(Math.max(length, poolBytes))).toString("hex");
        used = 0;
      }
      used += 2 * length;
      return pool.slice(used - 2 * length, used);
    },
  };
}
export const systemRandom: Random = systemRandomness();

/** Repeatable: SplitMix32, which passes for tests and for nothing that must not be guessed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const word = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const bytes = (length: number) => {
    const made = new Uint8Array(length);
    for (let at = 0; at < length; at += 1) made[at] = word() & 0xff;
    return made;
  };
  return {
    next: () => word() / 0x1_0000_0000,
    bytes,
    hex: (length) => Buffer.from(bytes(length).buffer).toString("hex"),
  };
}
