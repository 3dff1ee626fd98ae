import { counter, gauge, histogram } from "./instruments.ts";

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const longSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
const shortSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const sizes = [1, 2, 4, 8, 16, 32, 64, 128];

/** Every metric that the kit has; `docs/reference/metrics.md` is written from it. Label values come from contracts and settings, never from requests. */
export const kitMetrics = {
  httpRequests: histogram({
    name: "holdfast_http_request_duration_seconds",
    unit: "seconds",
    labels: ["service", "method", "route", "status"],
    buckets: seconds,
    help: "Requests over HTTP, from when one was read until its reply was handed to the connection, by class of status (2xx). The route (none) is what no handler was reached for: 404, 405, what is malformed or too large; it counts as taking no time. The route (pages) is health, docs and metrics.",
    whenBad:
      "5xx on a route: the log says why under the same route. Slow on one route: compare with the waits for the store and the calls out. Slow everywhere: look at the lag of the event loop.",
  }),
  httpInFlight: gauge({
    name: "holdfast_http_requests_in_flight",
    unit: "requests",
    labels: ["service"],
    help: "Requests that a handler is at work on.",
    whenBad: "It grows while the rate of requests does not: something that handlers wait for has become slow.",
  }),
  httpProblems: counter({
    name: "holdfast_http_problems_total",
    unit: "requests",
    labels: ["service", "code"],
    help: "Refusals over HTTP by the code of their problem.",
    whenBad:
      "Look the code up in the page of problems. kit/overloaded: add instances or shed load. kit/internal: a bug, with its stack in the log.",
  }),
  httpConnections: gauge({
    name: "holdfast_http_connections",
    unit: "connections",
    labels: ["service"],
    help: "Open connections of the port; each port takes at most 4,096.",
    whenBad:
      "Near the limit new clients are turned away: look for clients that open connections and do not reuse them.",
  }),
  calls: histogram({
    name: "holdfast_call_duration_seconds",
    unit: "seconds",
    labels: ["caller", "callee", "method", "route", "outcome"],
    buckets: seconds,
    help: "Calls from service to service, in process and over HTTP, with their retries and waits; the outcome is ok, or the code of the problem that the caller was given.",
    whenBad: "kit/unavailable or kit/deadline-exceeded: the callee is down or slow, its own metrics say which.",
  }),
  callRetries: counter({
    name: "holdfast_call_retries_total",
    unit: "calls",
    labels: ["callee"],
    help: "Attempts of calls after the first one. They are kept below a tenth of all calls.",
    whenBad: "The callee fails now and then: look at the outcomes of its calls.",
  }),
  breakers: gauge({
    name: "holdfast_call_breaker_state",
    unit: "none",
    labels: ["callee", "caller"],
    help: "The circuit breaker between a caller and a callee: 0 closed, 1 half open, 2 open; while it is open, calls are refused at once.",
    whenBad: "Open for longer than a restart takes: the callee fails every call; its log and its health say why.",
  }),
  outbox: gauge({
    name: "holdfast_outbox_messages",
    unit: "messages",
    labels: ["service"],
    help: "Messages that are committed and not yet published. Exact up to 1,000; above that an estimate, or 1,000 in a store of documents.",
    whenBad:
      "It grows: the relay does not keep up or cannot publish; holdfast_relay_failures_total and the log tell them apart.",
  }),
  outboxAge: gauge({
    name: "holdfast_outbox_oldest_age_seconds",
    unit: "seconds",
    labels: ["service"],
    help: "Age of the oldest message that is committed and not yet published; 0 where there is none.",
    whenBad:
      "More than a few seconds: the broker refuses or cannot be reached, or one message can never be published and holds its key; the log names it.",
  }),
  relayPublished: counter({
    name: "holdfast_relay_published_total",
    unit: "messages",
    labels: ["service", "event"],
    help: "Messages that the broker has on disk, by event. After a crash a few are published, and counted, again.",
    whenBad: "It stands still while the outbox grows: see holdfast_relay_failures_total.",
  }),
  relayFailures: counter({
    name: "holdfast_relay_failures_total",
    unit: "calls",
    labels: ["service"],
    help: "Batches that the broker did not take. Nothing is lost: they are tried again.",
    whenBad:
      "It keeps growing: the broker is down or full, or a message is one that no broker takes; the log says which.",
  }),
  consumed: counter({
    name: "holdfast_consumer_messages_total",
    unit: "messages",
    labels: ["service", "subscription", "outcome"],
    help: "Messages taken in from the broker: handled, duplicate (known already, dropped), parked (to be tried again, or waiting behind such a one), dead, or discarded.",
    whenBad: "parked grows: the log says how handlers fail. dead grows: see holdfast_dead_letters.",
  }),
  handling: histogram({
    name: "holdfast_handler_duration_seconds",
    unit: "seconds",
    labels: ["service", "subscription"],
    buckets: seconds,
    help: "One run of a consumer's or a job's handler inside its unit, whether it succeeds or fails.",
    whenBad:
      "A unit holds up all others of its store: look at the statements of a handler that takes longer than a few milliseconds.",
  }),
  messageDelay: histogram({
    name: "holdfast_message_delay_seconds",
    unit: "seconds",
    labels: ["service", "subscription"],
    buckets: longSeconds,
    help: "From when a message was written to the outbox until its batch was taken in by a consumer; the first message of each batch.",
    whenBad:
      "Compare with holdfast_outbox_oldest_age_seconds (the way to the broker) and holdfast_consumer_lag_messages (the way from it).",
  }),
  lag: gauge({
    name: "holdfast_consumer_lag_messages",
    unit: "messages",
    labels: ["service", "topic"],
    help: "Messages on the broker that wait for this consumer group; the embedded broker counts up to 10,000. Every instance of the group tells the same number: take the maximum, not the sum.",
    whenBad:
      "It grows: the consumer is too slow, pauses because its messages fail (the log says so), or nobody holds its lease.",
  }),
  parkedTries: counter({
    name: "holdfast_parked_tries_total",
    unit: "messages",
    labels: ["service", "subscription", "outcome"],
    help: "Tries of parked messages and of jobs: handled, exhausted (what the service does in place of a dead letter was done), parked (again), dead, discarded, or gone (another instance was quicker).",
    whenBad:
      "parked, exhausted or dead without handled: the handler or what it depends on is broken; the log has the error.",
  }),
  parked: gauge({
    name: "holdfast_parked_messages",
    unit: "messages",
    labels: ["service"],
    help: "Messages and jobs that wait for their next try, or behind another message of their key; not jobs whose time has not come. Exact while fewer than 1,000 messages and jobs wait; there may be more than it tells beyond that.",
    whenBad: "It does not go down: find the first message of the key in the log; later ones wait behind it.",
  }),
  timers: gauge({
    name: "holdfast_timers",
    unit: "messages",
    labels: ["service"],
    help: "Jobs whose time has not come. Exact while fewer than 1,000 messages and jobs wait; beyond that there may be more, and a store of documents leaves it out.",
    whenBad: "It only grows: jobs are enqueued that nobody cancels or needs.",
  }),
  deadLetters: gauge({
    name: "holdfast_dead_letters",
    unit: "messages",
    labels: ["service"],
    help: "Messages and jobs that were given up and wait for a person. Exact up to 1,000; there may be more than it tells beyond that.",
    whenBad:
      "More than 0 needs a person: GET /dead-letters/<service> tells why each died; redrive or discard it there.",
  }),
  ticks: counter({
    name: "holdfast_schedule_ticks_total",
    unit: "none",
    labels: ["service", "schedule"],
    help: "Ticks of a schedule for which this process enqueued the job; of all instances one has each tick.",
    whenBad: "The sum over all instances stands still: no instance runs, or the store cannot be written.",
  }),
  groupSize: histogram({
    name: "holdfast_unit_group_size",
    unit: "units",
    labels: ["store"],
    buckets: sizes,
    help: "Units of work that shared one transaction and one sync to disk, for each group.",
    whenBad: "At its largest (128 on SQLite, 16 on PostgreSQL) all the time: the store is the bottleneck.",
  }),
  unitWait: histogram({
    name: "holdfast_unit_wait_seconds",
    unit: "seconds",
    labels: ["store"],
    buckets: shortSeconds,
    help: "From when a unit asked for the store until its turn came; a sample of them, on SQL.",
    whenBad:
      "Near a request's deadline units are refused with kit/overloaded: look at the duration of commits, and at slow handlers.",
  }),
  commits: histogram({
    name: "holdfast_commit_duration_seconds",
    unit: "seconds",
    labels: ["store"],
    buckets: shortSeconds,
    help: "One COMMIT with its sync to disk; `broker` is the log of the embedded broker.",
    whenBad: "The disk, or the database server's disk, is slow or busy.",
  }),
  conflicts: counter({
    name: "holdfast_unit_conflicts_total",
    unit: "units",
    labels: ["store"],
    help: "Transactions that lost against another one and ran again; on SQLite there are none.",
    whenBad: "Many for each commit: units decide on the same rows from several processes at a time.",
  }),
  scrapeFailures: counter({
    name: "holdfast_scrape_failures_total",
    unit: "none",
    labels: ["source"],
    help: "Times that a source of values failed, or took longer than two seconds; its values were left out.",
    whenBad: "The store or the broker of that service does not answer.",
  }),
  cpuUser: counter({
    name: "process_cpu_user_seconds_total",
    unit: "seconds",
    help: "Processor time of the process in its own code.",
    whenBad: "A rate near 1 is a busy event loop: add instances, or give each service a process of its own.",
  }),
  cpuSystem: counter({
    name: "process_cpu_system_seconds_total",
    unit: "seconds",
    help: "Processor time of the process in the kernel.",
    whenBad: "High beside the user's: many small reads, writes or connections.",
  }),
  startTime: gauge({
    name: "process_start_time_seconds",
    unit: "seconds",
    help: "When the process started, in seconds since 1970.",
    whenBad: "It changes again and again: the process is restarted; its last log entries say why.",
  }),
  residentMemory: gauge({
    name: "process_resident_memory_bytes",
    unit: "bytes",
    help: "Memory of the process that is in RAM.",
    whenBad: "It grows for hours: compare with the heap; what is not in the heap is buffers, or the cache of SQLite.",
  }),
  openFiles: gauge({
    name: "process_open_fds",
    unit: "files",
    help: "Open file descriptors, connections among them; on Linux.",
    whenBad: "Near the limit of the process nothing can be opened any more: look at the connections.",
  }),
  heapUsed: gauge({
    name: "nodejs_heap_size_used_bytes",
    unit: "bytes",
    help: "Used heap of JavaScript.",
    whenBad: "It grows and does not fall after a major collection: something is kept that nobody needs.",
  }),
  heapTotal: gauge({
    name: "nodejs_heap_size_total_bytes",
    unit: "bytes",
    help: "Reserved heap of JavaScript.",
    whenBad: "Near the limit (--max-old-space-size) collections take all the time, then the process ends.",
  }),
  externalMemory: gauge({
    name: "nodejs_external_memory_bytes",
    unit: "bytes",
    help: "Memory of buffers outside of the heap of JavaScript.",
    whenBad: "It grows with the size of bodies in hand: lower their limits, or the number of connections.",
  }),
  loopLagMean: gauge({
    name: "nodejs_eventloop_lag_mean_seconds",
    unit: "seconds",
    help: "By how much the event loop was late, on average since the last scrape.",
    whenBad: "Above a few milliseconds every request waits that long: a handler computes for long without a pause.",
  }),
  loopLagP99: gauge({
    name: "nodejs_eventloop_lag_p99_seconds",
    unit: "seconds",
    help: "By how much the event loop was late, at the 99th percentile since the last scrape.",
    whenBad: "As for the mean; alone it points at something rare and long.",
  }),
  loopLagMax: gauge({
    name: "nodejs_eventloop_lag_max_seconds",
    unit: "seconds",
    help: "The latest that the event loop was since the last scrape.",
    whenBad: "Seconds: leases of three seconds may be lost; look for collections, a slow disk, a suspended machine.",
  }),
  collections: histogram({
    name: "nodejs_gc_duration_seconds",
    unit: "seconds",
    labels: ["kind"],
    buckets: [0.001, 0.01, 0.1, 1, 2, 5],
    help: "Pauses of the garbage collector: minor, major, incremental or weakcb.",
    whenBad: "Major ones often or long: the heap is nearly full, or holds too much.",
  }),
} as const;
