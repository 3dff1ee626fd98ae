import { kitProblems } from "../contract/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { served, type RunningService } from "../service/index.ts";
import type { Spans } from "../telemetry/index.ts";
import type { Transport } from "./wire.ts";

/** To a service of this process: no socket, and all else as over HTTP. The request is validated, access checked, the deadline kept. */
export const localTransport =
  (target: RunningService, { clock, timers, ids }: Runtime, spans?: Spans): Transport =>
  async ({ caller, deadline, signal, ...call }) => {
    const late = Promise.withResolvers<never>();
    const over = new AbortController();
    const timer = timers.after(deadline - clock.monotonic(), () => {
      over.abort();
      late.reject(kitProblems.deadlineExceeded({}));
    });
    const left = () => late.reject(kitProblems.unavailable({ reason: "The caller has gone." }));
    signal.addEventListener("abort", left, { once: true });
    try {
      return await Promise.race([
        served(spans, call, (span) =>
          target.dispatch({
            ...call,
            deadline,
            suspectText: true,
            address: undefined,
            caller,
            signal: AbortSignal.any([signal, over.signal]),
            requestId: ids.uuidv7(),
            trace: span?.context ?? call.trace,
          }),
        ),
        late.promise,
      ]);
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", left);
    }
  };
