import { hash } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

export interface Ids {
  /** UUIDv7 (RFC 9562), strictly increasing within this process, unless its clock is set back by more than a day. */
  uuidv7(): string;
}

/** The two highest bits are 10 (RFC 9562 section 4.1). */
const variants = ["8", "9", "a", "b"];

/** A clock that was further ahead than this was wrong: ids follow it back. */
const mostAheadMs = 24 * 60 * 60_000;

/** 12 bits of counter within a millisecond; when they run out, the time of the id runs ahead (RFC 9562 section 6.2, method 1). */
export function ids(clock: Clock, random: Random): Ids {
  let lastTime = -1;
  let counter = 0;
  /** The digits of the time; made anew once a millisecond. */
  let head = "";
  const moveTo = (time: number) => {
    lastTime = time;
    const hex = time.toString(16).padStart(12, "0");
    head = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
  };
  return {
    uuidv7() {
      const now = Math.floor(clock.now());
      if (now > lastTime || lastTime - now > mostAheadMs) {
        moveTo(now);
        counter = Math.floor(random.next() * 0x400);
      } else if (++counter > 0xfff) {
        moveTo(lastTime + 1);
        counter = 0;
      }
      const tail = random.hex(8);
      const digit = tail.charCodeAt(0);
      // Of a to f, too, the two lowest bits of what they stand for.
      const variant = variants[(digit < 0x3a ? digit : digit + 9) & 0x3] ?? "";
      return `${head}${(0x1000 + counter).toString(16).slice(1)}-${variant}${tail.slice(1, 4)}-${tail.slice(4)}`;
    },
  };
}

/** Time in milliseconds of a UUIDv7; undefined for anything else. */
export function timeOfUuidv7(id: string): number | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * A UUIDv8 (RFC 9562) that is the same for the same parts, wherever it is made: the first 122 free bits of a SHA-256. Anybody can compute it: derive it from
 * an id that nobody can guess, never from what a client chooses.
 */
export const derivedId = (...parts: readonly string[]): string => asUuid(hash("sha256", framed(parts)));

/** The parts as one text or as bytes, each with its length, so that no two lists of parts are alike. */
export function framed(parts: readonly string[]): string | Buffer {
  let text = "";
  for (const part of parts) {
    if (!part.isWellFormed()) return framedBytes(parts);
    text += `${String(part.length)}:${part}`;
  }
  return text;
}

/** UTF-8 has no lone surrogates and would make them all alike. */
const framedBytes = (parts: readonly string[]): Buffer =>
  Buffer.concat(
    parts.flatMap((part) =>
      part.isWellFormed()
        ? [Buffer.from(`${String(part.length)}:${part}`)]
        : [Buffer.from(`u${String(part.length)}:`), Buffer.from(part, "utf16le")],
    ),
  );

/** The first 122 free bits of at least 16 bytes in hexadecimal digits. */
export function asUuid(hex: string): string {
  const variant = (0x8 | (Number.parseInt(hex.charAt(16), 16) & 0x3)).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
