import type { Measure, Run } from "../harness/measure.ts";

/** Complete orders a second in a burst, accepted a second under wrk, CPU of an order with its engines in microseconds. */
const figures: readonly (readonly [string, number | undefined, number, number])[] = [
  ["FastAPI, SQLAlchemy, aio-pika, dual write, PostgreSQL and RabbitMQ", 162, 169, 11_935],
  ["NestJS, TypeORM, RabbitMQ, dual write, PostgreSQL", 659, 972, 2_868],
  ["outbox by hand, batched, PostgreSQL and RabbitMQ", 3_027, 4_901, 611],
  ["by hand on SQLite, one process (`bench/floor/sqlite.ts` is its like)", 3_799, 2_883, 214],
  ["bare Fastify, no store (`bench/floor/fastify.ts` is its like)", undefined, 43_867, 23],
];

export const peers: Run = {
  name: "peers",
  told: true,
  about:
    "Facts to read the rest beside, not measured here: the same shop by other tools and by hand, measured on 2 virtual cores with 24 GiB, otherwise idle, on 2026-11-21, generator and engines on the same cores. Repeats differed by up to a quarter: read one significant figure.",
  measure: () =>
    Promise.resolve(
      figures.flatMap(([name, complete, accepted, cpu]): readonly Measure[] => {
        const fact = { kind: "figure", unit: "/s", better: "higher" } as const;
        return [
          ...(complete === undefined
            ? []
            : [{ ...fact, name: `${name}: complete`, label: `${name}: complete`, rounds: [complete] }]),
          { ...fact, name: `${name}: accepted`, label: `${name}: accepted`, rounds: [accepted] },
          { ...fact, unit: "µs", better: "lower", name: `${name}: cpu`, label: `${name}: CPU`, rounds: [cpu] },
        ];
      }),
    ),
};
