import { burst } from "../harness/burst.ts";
import { quotients, takeTurns, type Measure, type Run } from "../harness/measure.ts";
import { startProgram, type Program } from "../harness/program.ts";
import { connections, temporaryFolder } from "../harness/shop.ts";

async function rate(program: Program, requests: number) {
  const before = await program.usage();
  const { accepted, ms } = await burst(program.url, { requests, connections });
  if (accepted.length < requests) throw new Error("A request without a store was not accepted.");
  const after = await program.usage();
  return { perSecond: (requests / ms) * 1_000, cpuMicros: (after.cpuMicros - before.cpuMicros) / requests };
}

/** The endpoint on the kit beside the one on Fastify. */
export async function httpRatios({
  warmUp,
  requests,
  rounds,
}: {
  readonly warmUp: number;
  readonly requests: number;
  readonly rounds: number;
}): Promise<readonly Measure[]> {
  await using data = await temporaryFolder();
  const bare = await startProgram("floor/fastify.ts");
  const kit = await startProgram("shop/http.ts", [data.folder]);
  try {
    for (const program of [bare, kit]) await rate(program, warmUp);
    const [floor = [], own = []] = await takeTurns(rounds, [() => rate(bare, requests), () => rate(kit, requests)]);
    const [ownSpeed = [], bareSpeed = []] = [own, floor].map((all) => all.map(({ perSecond }) => perSecond));
    const [ownCpu = [], bareCpu = []] = [own, floor].map((all) => all.map(({ cpuMicros }) => cpuMicros));
    const figure = { kind: "figure", unit: "/s", better: "higher" } as const;
    const ratio = { kind: "ratio", unit: "", better: "higher", goal: 0.85 } as const;
    return [
      { ...ratio, name: "speed", label: "accepted/s, kit ÷ Fastify", rounds: quotients(ownSpeed, bareSpeed) },
      { ...ratio, name: "cpu", label: "CPU of a request, Fastify ÷ kit", rounds: quotients(bareCpu, ownCpu) },
      { ...figure, name: "kit-speed", label: "kit, accepted", rounds: ownSpeed },
      { ...figure, name: "bare-speed", label: "Fastify, accepted", rounds: bareSpeed },
      { ...figure, name: "kit-cpu", label: "kit, CPU of a request", unit: "µs", better: "lower", rounds: ownCpu },
      { ...figure, name: "bare-cpu", label: "Fastify, CPU of a request", unit: "µs", better: "lower", rounds: bareCpu },
    ];
  } finally {
    await Promise.all([bare.stop(), kit.stop()]);
  }
}

export const http: Run = {
  name: "http",
  about:
    "A POST that is validated and answered, and stores nothing: the kit's endpoint beside the same one on bare Fastify. Both processes live through all rounds and take turns.",
  inTheWay:
    "In the way: of what the kit takes beside Fastify, the unit of work and its objects are about 2.5 µs, reading and checking the body 0.6 µs, the reply's check, text and headers 1 µs, ids, admission and the count of connections 1 µs; reading and writing the socket is a third of both. Tried and kept: one timer for the deadlines of a turn, and no promise, closure or spread that is not needed (33.4 → 28.1 µs beside Fastify's 20.3); replies in ASCII written without a conversion, and brackets counted before they are followed (0.4 µs); a body that has come with its head taken as it lies there (2.3 µs, where the end of the stream was waited for 0.5 µs); a reply that is made as its contract says sent without a copy (0.8 µs). Tried and left: our endpoints past Fastify's router, request and reply (1.3 µs, for a second way of everything); a generated serialiser (0.5 µs, for code that nobody could read); an abort signal that is made when it is asked for (0.8 µs, but as a getter of what a handler is given it costs more than it spares); deadlines without a turn's immediate, ids made in a buffer, one spread and one asynchronous function less (nothing that could be told from noise).",
  measure: ({ quick }) =>
    httpRatios(quick ? { warmUp: 4_000, requests: 8_000, rounds: 3 } : { warmUp: 10_000, requests: 40_000, rounds: 5 }),
};
