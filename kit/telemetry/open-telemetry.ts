import type * as Api from "@opentelemetry/api";
import type { HrTime, Link, SpanContext, SpanKind, Tracer } from "@opentelemetry/api";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import type { Clock, Runtime } from "../runtime/index.ts";
import type { Span, Spans, SpanStart, Tracing } from "./spans.ts";
import { newSpanId, newTraceId, type TraceContext } from "./trace.ts";

export interface OpenTelemetryOptions {
  /** Takes the spans of all services when they have ended: one of the SDK's, or any other. Shut down with the rest. */
  readonly processor: SpanProcessor;
  readonly runtime: Runtime;
  /** The share of traces that is recorded, of those that begin here; others come with the decision. From 0 to 1. @default 1 */
  readonly ratio?: number;
}

/**
 * Traces by the OpenTelemetry SDK, whose packages are loaded here. Times, ids and randomness are the runtime's; nothing is registered globally, so
 * that whatever else a process traces is left alone.
 */
export async function openTelemetry({ processor, runtime, ratio = 1 }: OpenTelemetryOptions): Promise<Tracing> {
  const [api, sdk, { defaultResource, resourceFromAttributes }] = await load();
  const { random, ids, clock, timers } = runtime;
  const instance = ids.uuidv7();
  const now = timeOf(clock);
  const adapt = (service: string): Spans => {
    const provider = new sdk.TracerProvider({
      resource: defaultResource().merge(
        resourceFromAttributes({ "service.name": service, "service.instance.id": instance }),
      ),
      sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) }),
      idGenerator: { generateTraceId: () => newTraceId(random), generateSpanId: () => newSpanId(random) },
      spanProcessors: [processor],
      spanLimits: { attributeValueLengthLimit: longestValue },
    });
    return spansOf(provider.getTracer("holdfast"), api, now);
  };
  const services = new Map<string, Spans>();
  return {
    of(service) {
      let spans = services.get(service);
      if (spans === undefined) services.set(service, (spans = adapt(service)));
      return spans;
    },
    async close(ms) {
      const late = new AbortController();
      // What cannot be delivered is told by whoever delivers it.
      const delivered = processor.shutdown().catch(() => undefined);
      await Promise.race([delivered, timers.sleep(ms, late.signal)]);
      late.abort();
    },
  };
}

async function load() {
  try {
    return await Promise.all([
      import("@opentelemetry/api"),
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/resources"),
    ]);
  } catch (error) {
    const packages = "@opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-trace";
    throw new Error(`Traces need the packages of OpenTelemetry: npm install ${packages}`, { cause: error });
  }
}

/** Characters; ids of foreign messages are as long as they like. */
const longestValue = 256;

const kinds: Readonly<Record<SpanStart["kind"], keyof typeof SpanKind>> = {
  server: "SERVER",
  client: "CLIENT",
  producer: "PRODUCER",
  consumer: "CONSUMER",
  internal: "INTERNAL",
};

function spansOf(tracer: Tracer, api: typeof Api, now: () => HrTime): Spans {
  const { ROOT_CONTEXT, SpanKind: numbers, SpanStatusCode, TraceFlags, trace } = api;
  const foreign = ({ traceId, spanId, sampled }: TraceContext, isRemote: boolean): SpanContext => ({
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote,
  });
  return {
    start(name, { kind, parent, links = [], attributes = {} }) {
      // Decided where the trace began: nothing of it is recorded.
      if (parent?.sampled === false) return silent(parent);
      // These come from elsewhere, as far as this service knows; all else continues what it does itself.
      const isRemote = kind === "server" || kind === "consumer";
      const context =
        parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, foreign(parent, isRemote));
      const linked = links.map((link): Link => ({ context: foreign(link, true) }));
      const span = tracer.startSpan(
        name,
        { kind: numbers[kinds[kind]], startTime: now(), attributes: { ...attributes }, links: linked },
        context,
      );
      const { traceId, spanId, traceFlags } = span.spanContext();
      const own: TraceContext = { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
      if (!own.sampled) return silent(own);
      return {
        context: own,
        set(key, value) {
          if (span.isRecording()) span.setAttribute(key, value);
        },
        end(failed) {
          if (!span.isRecording()) return;
          if (failed !== undefined) span.setAttribute("error.type", failed).setStatus({ code: SpanStatusCode.ERROR });
          span.end(now());
        },
      };
    },
  };
}

const silent = (context: TraceContext): Span => ({ context, set: () => {}, end: () => {} });

/** Further apart than this, the clock was set. */
const driftMs = 2;

/** The clock's time, as fine as its monotonic one. */
function timeOf(clock: Clock): () => HrTime {
  let offset = clock.now() - clock.monotonic();
  return () => {
    const monotonic = clock.monotonic();
    const now = clock.now();
    if (Math.abs(now - offset - monotonic) > driftMs) offset = now - monotonic;
    const ms = offset + monotonic;
    const seconds = Math.floor(ms / 1_000);
    return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)];
  };
}
