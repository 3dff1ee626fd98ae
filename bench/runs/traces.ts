import path from "node:path";
import { burst } from "../harness/burst.ts";
import { quotients, takeTurns, type Run } from "../harness/measure.ts";
import { startProgram, type Program } from "../harness/program.ts";
import { connections, temporaryFolder } from "../harness/shop.ts";

const without = path.join(import.meta.dirname, "../shop/without-traces.ts");

async function cpuMicros(program: Program, requests: number): Promise<number> {
  const before = await program.usage();
  await burst(program.url, { requests, connections });
  return ((await program.usage()).cpuMicros - before.cpuMicros) / requests;
}

export const traces: Run = {
  name: "traces",
  about:
    "CPU of the request of `http` with traces off, beside the same kit from which they were taken out when it was loaded. What is left when they are off is looking whether they are on, and the ids that a message would carry.",
  async measure({ quick }) {
    const requests = quick ? 6_000 : 20_000;
    await using data = await temporaryFolder();
    await using other = await temporaryFolder();
    const off = await startProgram("shop/http.ts", [data.folder]);
    const out = await startProgram("shop/http.ts", [other.folder], ["--import", without]);
    try {
      for (const program of [off, out]) await cpuMicros(program, quick ? 4_000 : 10_000);
      const [offMicros = [], outMicros = []] = await takeTurns(quick ? 3 : 7, [
        () => cpuMicros(off, requests),
        () => cpuMicros(out, requests),
      ]);
      const figure = { kind: "figure", unit: "µs", better: "lower" } as const;
      return [
        {
          ...figure,
          kind: "ratio",
          unit: "",
          goal: 1.05,
          name: "off",
          label: "CPU of a request, traces off ÷ taken out",
          rounds: quotients(offMicros, outMicros),
        },
        { ...figure, name: "off-cpu", label: "traces off", rounds: offMicros },
        { ...figure, name: "out-cpu", label: "traces taken out", rounds: outMicros },
      ];
    } finally {
      await Promise.all([off.stop(), out.stop()]);
    }
  },
};
