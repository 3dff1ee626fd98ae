import { randomFillSync } from "node:crypto";

export interface Random {
  /** In [0, 1). */
  next(): number;
  bytes(length: number): Uint8Array;
}

/** One call of the operating system fills this much. */
const poolBytes = 8_192;

/** Bytes are handed out once; each hand-out is its own stretch of a pool that is not filled again. */
function pooled(): (length: number) => Uint8Array {
  let pool = new Uint8Array(0);
  return (length) => {
    if (length > poolBytes) return randomFillSync(new Uint8Array(length));
    if (length > pool.length) pool = randomFillSync(new Uint8Array(poolBytes));
    const bytes = pool.subarray(0, length);
    pool = pool.subarray(length);
    return bytes;
  };
}

export const systemRandom: Random = { next: () => Math.random(), bytes: pooled() };

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
  return {
    next: () => word() / 0x1_0000_0000,
    bytes: (length) => Uint8Array.from({ length }, () => word() & 0xff),
  };
}
