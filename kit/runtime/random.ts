import { randomFillSync } from "node:crypto";

export interface Random {
  /** In [0, 1). */
  next(): number;
  bytes(length: number): Uint8Array;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};

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
