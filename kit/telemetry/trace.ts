import type { Random } from "../runtime/index.ts";

/** W3C Trace Context, level 1. */
export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The context that a `traceparent` carries; a new one where it is absent or not valid, as the specification asks. */
export function parseTraceparent(text: string | undefined, random: Random): TraceContext {
  const [, version, traceId, spanId, flags, rest] = form.exec(text ?? "") ?? [];
  const valid = version !== undefined && traceId !== undefined && spanId !== undefined && flags !== undefined;
  if (
    !valid ||
    version === "ff" ||
    (version === "00" && rest !== undefined) ||
    /^0+$/.test(traceId) ||
    /^0+$/.test(spanId)
  ) {
    return { traceId: hex(random, 16), spanId: hex(random, 8), sampled: false };
  }
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export const childOf = (parent: TraceContext, random: Random): TraceContext => ({ ...parent, spanId: hex(random, 8) });

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-0${sampled ? "1" : "0"}`;

function hex(random: Random, length: number): string {
  const bytes = random.bytes(length);
  bytes[0] = (bytes[0] ?? 0) | 1; // Never all zero.
  return Buffer.from(bytes).toString("hex");
}
