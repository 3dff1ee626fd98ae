import { failureOf } from "../messaging/index.ts";
import type { Spans } from "../telemetry/index.ts";
import type { Transport } from "./wire.ts";

/** Each attempt of one call as a span of the caller; the callee's is part of it. */
export function showsAttempts(transport: Transport, spans: Spans): Transport {
  let resent = 0;
  return async (call) => {
    const { method, path, owner } = call.endpoint;
    const span = spans.start(`${method} ${path}`, {
      kind: "client",
      parent: call.trace,
      // Where a service is found is the transport's business: it is named as it was asked for.
      attributes: { "http.request.method": method, "url.template": path, "server.address": owner },
    });
    if (resent > 0) span.set("http.request.resend_count", resent);
    resent += 1;
    try {
      const reply = await transport({ ...call, trace: span.context });
      span.set("http.response.status_code", reply.status);
      span.end();
      return reply;
    } catch (error) {
      span.end(failureOf(error));
      throw error;
    }
  };
}
