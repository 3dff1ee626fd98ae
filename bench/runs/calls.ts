import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { CallRounds } from "../calls/caller.ts";
import { quotients, type Run } from "../harness/measure.ts";
import { startProgram } from "../harness/program.ts";
import { temporaryFolder } from "../harness/shop.ts";

export const calls: Run = {
  name: "calls",
  about:
    "A `call` of an endpoint that shares the process, one after the other: validation, access, deadline, breaker and the reply's check included. Then the same call over HTTP to another process, 32 at once, beside undici's pool with the same token and body, which checks nothing and never retries.",
  async measure({ quick }) {
    await using data = await temporaryFolder();
    const server = await startProgram("calls/callee.ts", [data.folder]);
    try {
      const entry = path.join(import.meta.dirname, "../calls/caller.ts");
      const child = fork(entry, [data.folder, server.url, quick ? "3" : "5", quick ? "4000" : "10000"], {
        execArgv: ["--disable-warning=ExperimentalWarning"],
        env: { ...process.env, NODE_ENV: "production" },
      });
      const ended = once(child, "exit");
      const early = ended.then(() => Promise.reject(new Error("The caller ended before it had measured.")));
      const [result] = (await Promise.race([once(child, "message"), early])) as [CallRounds]; // Proof: the one message that it sends.
      await ended;
      const { localMicros, localCpuMicros, kitPerSecond, rawPerSecond, kitCpuMicros, rawCpuMicros } = result;
      const micros = { kind: "figure", unit: "µs", better: "lower" } as const;
      const ratio = { kind: "ratio", unit: "", better: "higher" } as const;
      return [
        { ...micros, goal: 15, name: "local", label: "a call in process", rounds: localMicros },
        {
          ...ratio,
          goal: 0.85,
          name: "http",
          label: "calls/s over HTTP, kit ÷ undici",
          rounds: quotients(kitPerSecond, rawPerSecond),
        },
        {
          ...ratio,
          name: "cpu",
          label: "CPU of a caller over HTTP, undici ÷ kit",
          rounds: quotients(rawCpuMicros, kitCpuMicros),
        },
        { ...micros, name: "local-cpu", label: "a call in process, CPU", rounds: localCpuMicros },
        { ...ratio, kind: "figure", unit: "/s", name: "kit", label: "kit over HTTP", rounds: kitPerSecond },
        { ...ratio, kind: "figure", unit: "/s", name: "raw", label: "undici", rounds: rawPerSecond },
        { ...micros, name: "kit-cpu", label: "kit over HTTP, CPU of the caller", rounds: kitCpuMicros },
        { ...micros, name: "raw-cpu", label: "undici, CPU of the caller", rounds: rawCpuMicros },
      ];
    } finally {
      await server.stop();
    }
  },
};
