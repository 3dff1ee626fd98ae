import { setTimeout as sleep } from "node:timers/promises";
import type { Context, Measure, Run } from "../harness/measure.ts";
import { openLoop, type OpenLoop } from "../harness/open-loop.ts";
import type { Program } from "../harness/program.ts";
import { openShop, orderBurst, refuseLosses, temporaryFolder, type Outcome } from "../harness/shop.ts";

interface Round {
  /** Complete orders a second, as fast as 64 clients ask. */
  readonly capacity: number;
  readonly steady: OpenLoop;
  readonly over: OpenLoop;
  readonly rssMiB: number;
  readonly outcome: Outcome;
}

/** Both runs tell of the same rounds: the second of them costs nothing. */
const measured = new WeakMap<Context, Promise<readonly Round[]>>();

function rounds(context: Context): Promise<readonly Round[]> {
  let found = measured.get(context);
  if (found === undefined) measured.set(context, (found = measureAll(context)));
  return found;
}

async function measureAll({ quick, say }: Context): Promise<readonly Round[]> {
  const done: Round[] = [];
  for (let round = 0; round < (quick ? 1 : 3); round += 1) {
    done.push(await measure(quick));
    const { capacity = 0, steady, over } = done.at(-1) ?? {};
    say(
      `  capacity ${capacity.toFixed(0)}/s; generator late by ${String(Math.round(steady?.wakeLateMs ?? 0))} ms at most; 3 × capacity: accepted ${String(over?.accepted.length)}, refused ${String(over?.refused)}, failed ${[...(over?.failures ?? [])].map((each) => each.join(" × ")).join(", ") || "none"}`,
    );
  }
  return done;
}

/** At its onset an overload cannot be told from a burst, which is let in. */
const settleSeconds = 2;

async function measure(quick: boolean): Promise<Round> {
  const [warmUp, requests, seconds] = quick ? [1_000, 3_000, 3] : [2_000, 10_000, 10];
  await using data = await temporaryFolder();
  await using shop = await openShop({ entry: "shop/main.ts", folder: data.folder });
  await orderBurst(shop, warmUp, 0);
  const { completePerSecond: capacity } = await orderBurst(shop, requests, warmUp);
  const { url } = shop.program;
  const steady = await openLoop(url, { rate: capacity * 0.7, seconds });
  await shop.complete(warmUp + requests + steady.accepted.length);
  const memory = watchMemory(shop.program);
  const over = await openLoop(url, { rate: capacity * 3, seconds: settleSeconds + seconds, settleSeconds });
  const accepted = [...steady.accepted, ...over.accepted];
  await shop.complete(warmUp + requests + accepted.length);
  return { capacity, steady, over, rssMiB: await memory(), outcome: shop.outcome(accepted) };
}

/** The most that it held resident until the result is called. */
function watchMemory(program: Program): () => Promise<number> {
  const end = new AbortController();
  let most = 0;
  const watch = async () => {
    while (!end.signal.aborted) {
      most = Math.max(most, (await program.usage()).rssBytes);
      await sleep(200);
    }
  };
  const watched = watch();
  return async () => {
    end.abort();
    await watched;
    return most / 2 ** 20;
  };
}

const ms = { kind: "figure", unit: "ms", better: "lower" } as const;

export const latency: Run = {
  name: "latency",
  about:
    "An open loop of independent clients at 70 % of the capacity that was measured just before: a request's time runs from when it was due, whatever the answers before it did. Consumers do their work in the same process meanwhile.",
  inTheWay:
    "In the way: the waits are rounds of the stores' turns, so they grow with what an order costs, and that is not the same at every hour of a machine that others use: at e3a2716 it was 16.5 ms (14.6–18.1), with a capacity of 4,384/s. The quotients of a run are what can be compared.",
  async measure(context) {
    const all = await rounds(context);
    return [
      {
        ...ms,
        goal: 20,
        name: "p99",
        label: "p99 of POST at 70 %",
        rounds: all.map(({ steady }) => steady.acceptedMs.p99),
      },
      { ...ms, name: "p50", label: "p50 of POST at 70 %", rounds: all.map(({ steady }) => steady.acceptedMs.p50) },
      capacityOf(all),
    ];
  },
};

export const overload: Run = {
  name: "overload",
  shares: "latency",
  about:
    "The same open loop at three times the capacity, for two seconds before anything is timed, as its onset looks like a burst, which is let in: what is accepted must stay fast, the rest is refused, memory stays bounded. Everything accepted completes afterwards, once; the ratio of two percentiles of a few seconds is told by `--quick`, not compared.",
  inTheWay:
    "In the way: one thread does the work of five stores, and what is let in waits for a round of their turns and, where a group is longer than 10 ms, for another one. Tried and kept: 64 in hand without a look in place of 112, and beyond them what waits 12 ms and four commits ([decision 43](decisions/README.md)); refusals past the framework; stores take turns of the event loop, so that sockets are read between two groups. Tried and left: fewer than 64, which refuses clients that each wait for their answer; groups of 5 ms in place of 10, which pay with commits; a smaller young generation (`--max-semi-space-size=16`, 25 MiB), which is the operator's to choose.",
  async measure(context) {
    const all = await rounds(context);
    const over = all.map((round) => round.over);
    refuseLosses(
      "overload",
      all.map(({ outcome }) => outcome),
    );
    const none = { kind: "figure", unit: "orders", better: "lower", goal: 0 } as const;
    return [
      {
        ...ms,
        unit: "",
        goal: 3,
        name: "p99-ratio",
        label: "accepted p99, 3 × capacity ÷ 70 %",
        rounds: all.map((round) => round.over.acceptedMs.p99 / round.steady.acceptedMs.p99),
      },
      {
        ...ms,
        unit: "MiB",
        goal: 400,
        name: "rss",
        label: "resident memory at most",
        rounds: all.map(({ rssMiB }) => rssMiB),
      },
      { ...none, name: "lost", label: "lost", rounds: all.map(({ outcome }) => outcome.lost) },
      { ...none, name: "doubled", label: "doubled", rounds: all.map(({ outcome }) => outcome.doubled) },
      { ...ms, name: "p99", label: "accepted, p99", rounds: over.map(({ acceptedMs }) => acceptedMs.p99) },
      ...(over.some(({ refused }) => refused > 0)
        ? [{ ...ms, name: "refused-p99", label: "refused, p99", rounds: over.map(({ refusedMs }) => refusedMs.p99) }]
        : []),
      {
        ...ms,
        unit: "%",
        name: "refused",
        label: "refused",
        rounds: over.map(({ refused, sent }) => (refused / sent) * 100),
      },
      {
        ...ms,
        unit: "%",
        name: "failed",
        label: "failed otherwise",
        rounds: over.map(
          ({ failures, sent }) => ([...failures.values()].reduce((sum, each) => sum + each, 0) / sent) * 100,
        ),
      },
      capacityOf(all),
    ];
  },
};

const capacityOf = (all: readonly Round[]): Measure => ({
  kind: "figure",
  unit: "/s",
  better: "higher",
  name: "capacity",
  label: "capacity, complete orders",
  rounds: all.map(({ capacity }) => capacity),
});
