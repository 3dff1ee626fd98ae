import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Runtime } from "../runtime/index.ts";
import type { Logger } from "./log.ts";
import { openTelemetry } from "./open-telemetry.ts";
import type { Tracing } from "./spans.ts";

export interface OtlpOptions {
  /** The collector: `http://host:4318`; spans go to `/v1/traces` below it. */
  readonly url: string;
  /** @default 1 */
  readonly ratio?: number;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Between two deliveries, in milliseconds. @default 2000 */
  readonly everyMs?: number;
  /** For one delivery with its repetitions, in milliseconds. @default 5000 */
  readonly deliveryMs?: number;
}

/** Spans that wait for delivery; more are dropped. */
const queued = 4_096;
const batch = 512;

/**
 * Traces to a collector, in OTLP over HTTP (protobuf). One that cannot be reached costs the spans and a bounded queue, never a request, and is told
 * once in the log, as is its return. Headers, such as a token, are taken from OTEL_EXPORTER_OTLP_HEADERS.
 */
export async function otlpTracing({
  url,
  ratio = 1,
  runtime,
  log,
  everyMs = 2_000,
  deliveryMs = 5_000,
}: OtlpOptions): Promise<Tracing> {
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }] = await load();
  const exporter = new OTLPTraceExporter({ url: `${url.replace(/\/+$/, "")}/v1/traces`, timeoutMillis: deliveryMs });
  const processor = new BatchSpanProcessor({
    exporter: told(exporter, log),
    maxQueueSize: queued,
    maxExportBatchSize: batch,
    scheduledDelayMillis: everyMs,
    exportTimeoutMillis: deliveryMs + 1_000,
  });
  return openTelemetry({ processor, runtime, ratio });
}

/** `ExportResultCode.SUCCESS` of @opentelemetry/core. */
const delivered = 0;

/** Tells the first failure, and the end of failing. */
function told(exporter: SpanExporter, log: Logger): SpanExporter {
  let lost = 0;
  return {
    export(spans: ReadableSpan[], result) {
      exporter.export(spans, (ended) => {
        if (ended.code !== delivered) {
          const { error } = ended;
          if (lost === 0)
            log.warn("spans cannot be delivered; they are dropped until the collector takes them", { error });
          lost += spans.length;
        } else if (lost > 0) {
          log.info("spans are delivered again", { lost });
          lost = 0;
        }
        result(ended);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

async function load() {
  try {
    return await Promise.all([import("@opentelemetry/sdk-trace"), import("@opentelemetry/exporter-trace-otlp-proto")]);
  } catch (error) {
    const packages =
      "@opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-proto";
    throw new Error(`--otlp needs the packages of OpenTelemetry: npm install ${packages}`, { cause: error });
  }
}
