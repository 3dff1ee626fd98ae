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

/** The context that a `traceparent` carries; undefined where it is absent or not valid. */
export function readTraceparent(text: string | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] = form.exec(text ?? "") ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** As above, and a new one where there is none, as the specification asks. */
export const parseTraceparent = (text: string | undefined, random: Random): TraceContext =>
  readTraceparent(text) ?? { traceId: newTraceId(random), spanId: newSpanId(random), sampled: false };

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-0${sampled ? "1" : "0"}`;

/** Never all zero. */
export const newTraceId = (random: Random): string => `1${random.hex(16).slice(1)}`;
export const newSpanId = (random: Random): string => `1${random.hex(8).slice(1)}`;
