import assert from "node:assert/strict";
import { test } from "node:test";
import { controlledRuntime, systemRuntime } from "../runtime/index.ts";
import { samplesOf, until, valueOf } from "../testing/index.ts";
import { kitMetrics, metricsRegistry, noMetrics, processMetrics, type Metric } from "./index.ts";

const declared: readonly Metric[] = Object.values(kitMetrics);

test("names are those of Prometheus: counters end in _total, and what has a unit ends in it", () => {
  assert.equal(new Set(declared.map(({ name }) => name)).size, declared.length);
  for (const { name, kind, unit, labels, help, whenBad } of declared) {
    assert.match(name, /^(holdfast|process|nodejs)_[a-z0-9_]*[a-z0-9]$/);
    assert.equal(name.endsWith("_total"), kind === "counter", name);
    if (unit === "seconds" || unit === "bytes") assert.match(name, new RegExp(`_${unit}(_total)?$`));
    for (const label of labels) assert.match(label, /^[a-z_]+$/);
    assert.ok(!labels.some((label) => label === "le" || label === "quantile"), name);
    assert.ok(help.endsWith(".") && whenBad.endsWith("."), name);
  }
});

test("buckets count what is smaller, too, and labels are escaped", async () => {
  const metrics = metricsRegistry(systemRuntime());
  const store = 'a "quoted"\\\nname';
  const commits = metrics.histogram(kitMetrics.commits, { store });
  for (const seconds of [0.0001, 0.0002, 0.7, 5]) commits.observe(seconds);
  const text = await metrics.text();
  const bucket = (le: string) => valueOf(text, "holdfast_commit_duration_seconds_bucket", { store, le });
  assert.deepEqual([bucket("0.0001"), bucket("0.00025"), bucket("0.5"), bucket("1"), bucket("+Inf")], [1, 2, 2, 3, 4]);
  assert.equal(valueOf(text, "holdfast_commit_duration_seconds_count", { store }), 4);
  assert.equal(valueOf(text, "holdfast_commit_duration_seconds_sum", { store }), 5.7003);
});

test("every metric is announced before anything has happened, with its type and its meaning", async () => {
  const metrics = metricsRegistry(systemRuntime());
  const lines = (await metrics.text()).split("\n");
  for (const { name, kind, help } of declared) {
    assert.ok(lines.includes(`# TYPE ${name} ${kind}`), name);
    assert.ok(lines.includes(`# HELP ${name} ${help}`), name);
  }
  assert.equal(metrics.contentType, "text/plain; version=0.0.4; charset=utf-8");
});

test("the same labels are the same series; beyond its bound a metric takes no new ones", async () => {
  const metrics = metricsRegistry(systemRuntime());
  metrics.counter(kitMetrics.httpProblems, { service: "orders", code: "first" }).add(2);
  for (let n = 0; n < 5_000; n += 1)
    metrics.counter(kitMetrics.httpProblems, { service: "orders", code: `code-${String(n)}` }).add();
  metrics.counter(kitMetrics.httpProblems, { code: "first", service: "orders" }).add(3);
  const text = await metrics.text();
  const name = "holdfast_http_problems_total";
  assert.equal(valueOf(text, name, { code: "first" }), 5);
  assert.equal(samplesOf(text).filter((sample) => sample.name === name).length, 2_001);
  assert.equal(valueOf(text, name, { code: "other" }), 5_000 - 1_999);
  assert.equal(valueOf(text, name), 5_005);
});

test("what waits is asked for at a scrape, at most once a second, and not after its source has stopped", async () => {
  const runtime = controlledRuntime({ flowing: false });
  const metrics = metricsRegistry(runtime);
  let asked = 0;
  const source = metrics.onScrape("orders store", (show) => {
    asked += 1;
    show(kitMetrics.outbox, { service: "orders" }, asked * 10);
  });
  const outbox = async () => valueOf(await metrics.text(), "holdfast_outbox_messages", { service: "orders" });
  assert.equal(asked, 0);
  assert.deepEqual(await Promise.all([outbox(), outbox()]), [10, 10]);
  await runtime.advance(999);
  assert.equal(await outbox(), 10);
  await runtime.advance(1);
  assert.equal(await outbox(), 20);
  source.stop();
  assert.equal(await outbox(), undefined);
  assert.equal(asked, 2);
});

test("a source that fails or hangs is left out and counted; the others are told in time", async () => {
  const runtime = controlledRuntime({ flowing: false });
  const metrics = metricsRegistry(runtime);
  let works = true;
  const never = Promise.withResolvers<void>();
  metrics.onScrape("broken", (show) => {
    show(kitMetrics.deadLetters, { service: "broken" }, 1);
    if (!works) throw new Error("The store is gone.");
  });
  let hung = 0;
  metrics.onScrape("hanging", async () => {
    hung += 1;
    await never.promise;
  });
  metrics.onScrape("sound", (show) => show(kitMetrics.deadLetters, { service: "sound" }, 3));
  const scrape = async () => {
    const scraping = metrics.text();
    await runtime.advance(2_000);
    return scraping;
  };
  const before = await scrape();
  assert.equal(valueOf(before, "holdfast_dead_letters"), 4);
  works = false;
  const after = await scrape();
  assert.equal(valueOf(after, "holdfast_dead_letters", { service: "broken" }), undefined);
  assert.equal(valueOf(after, "holdfast_dead_letters", { service: "sound" }), 3);
  assert.equal(valueOf(after, "holdfast_scrape_failures_total", { source: "broken" }), 1);
  assert.equal(valueOf(after, "holdfast_scrape_failures_total", { source: "hanging" }), 2);
  assert.equal(hung, 1, "it is not asked again while it has not answered");
  never.resolve();
});

test("every collection of the garbage collector is counted, and the process tells of itself", async () => {
  const metrics = metricsRegistry(systemRuntime());
  const observed = processMetrics(metrics);
  const collections = async () => valueOf(await metrics.text(), "nodejs_gc_duration_seconds_count", { kind: "minor" });
  let kept: object[] = [];
  // Several collections in one turn of the event loop.
  for (let n = 0; n < 8_000_000; n += 1) {
    kept.push({ n });
    if (kept.length > 100_000) kept = [];
  }
  await until("two collections of one turn are counted", async () => ((await collections()) ?? 0) >= 2);
  const text = await metrics.text();
  for (const { name, kind } of declared)
    if (/^(process|nodejs)_/.test(name) && (process.platform === "linux" || name !== "process_open_fds"))
      assert.ok(valueOf(text, kind === "histogram" ? `${name}_count` : name) !== undefined, name);
  const cpu = valueOf(text, "process_cpu_user_seconds_total") ?? 0;
  assert.ok(cpu > 0 && cpu <= process.cpuUsage().user / 1_000_000);
  const startedAt = (valueOf(text, "process_start_time_seconds") ?? 0) * 1_000;
  assert.ok(Math.abs(Date.now() - process.uptime() * 1_000 - startedAt) < 5_000);
  observed.stop();
  assert.equal(valueOf(await metrics.text(), "process_cpu_user_seconds_total"), undefined);
});

test("where nobody looks, instruments count for nobody", async () => {
  noMetrics.counter(kitMetrics.ticks, { service: "a", schedule: "b" }).add();
  assert.equal(noMetrics.counter(kitMetrics.ticks, { service: "a", schedule: "b" }).value, 0);
  assert.equal(await noMetrics.text(), "");
});
