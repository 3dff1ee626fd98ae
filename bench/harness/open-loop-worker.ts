import { connect, type Socket } from "node:net";
import { setTimeout as setTimeoutPromise } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { answers, requestTo } from "./burst.ts";
import { summary, type OpenLoop, type OpenLoopOptions } from "./open-loop.ts";

// Proof: `openLoop` started this thread with them.
const { url, rate, seconds, connections, spacing, settleSeconds, giveUpMs } =
  workerData as Required<OpenLoopOptions> & {
    readonly url: string;
  };
/** For the connections to be opened, one after another as a server takes them. */
const openMs = 30_000;
const { hostname, port, host } = new URL(url);

const accepted: string[] = [];
const acceptedMs: number[] = [];
const refusedMs: number[] = [];
let refusedBefore = 0;
const failures = new Map<string, number>();
const failed = (why: string) => failures.set(why, (failures.get(why) ?? 0) + 1);

/** Moments at which requests were due, and which no connection was free to take yet. */
const waiting: number[] = [];
let waitingFrom = 0;
const idle: Connection[] = [];
let open = 0;
let unanswered = 0;
let wakeLateMs = 0;

/** One request in flight. */
class Connection {
  readonly #socket: Socket;
  /** When the request in flight was due. */
  #due: number | undefined;

  /** Opened for a request; or ahead of all, and answered once, so that the server is known to have taken it. */
  constructor(due: number | undefined) {
    open += 1;
    this.#socket = connect(Number(port), hostname);
    this.#socket.setNoDelay();
    let why = "closed";
    this.#socket.on("error", (error) => {
      why = "code" in error ? String(error.code) : error.message;
    });
    this.#socket.on("close", () => this.#closed(why));
    answers(this.#socket, (status, text) => this.#answered(status, text));
    if (due === undefined) this.#socket.write(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    else this.send(due);
  }

  send(due: number): void {
    this.#due = due;
    this.#socket.write(requestTo(host));
  }

  #answered(status: number, text: string): void {
    if (this.#due === undefined) {
      idle.push(this);
      return;
    }
    const ms = performance.now() - this.#due;
    const counts = this.#due >= began + settleSeconds * 1_000;
    this.#due = undefined;
    unanswered -= 1;
    if (status === 201) {
      if (counts) acceptedMs.push(ms);
      accepted.push(/"id":"([0-9a-f-]{36})"/.exec(text)?.[1] ?? "");
    } else if (status !== 503) failed(String(status));
    else if (counts) refusedMs.push(ms);
    else refusedBefore += 1;
    if (/^connection: close/im.test(text)) {
      this.#socket.destroy();
      return;
    }
    const next = waiting[waitingFrom];
    if (next === undefined) idle.push(this);
    else {
      waitingFrom += 1;
      this.send(next);
    }
  }

  /** The server hung up. A request in flight counts as failed; one that waits gets a new connection. */
  #closed(why: string): void {
    open -= 1;
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
    if (this.#due !== undefined) {
      unanswered -= 1;
      failed(`connection: ${why}`);
    }
    const next = waiting[waitingFrom];
    if (next === undefined) return;
    waitingFrom += 1;
    new Connection(next);
  }
}

function request(due: number): void {
  unanswered += 1;
  const connection = idle.pop();
  if (connection !== undefined) connection.send(due);
  else if (open < connections) new Connection(due);
  else waiting.push(due);
}

for (let n = 0; n < connections; n += 1) new Connection(undefined);
for (let left = openMs; idle.length < connections && left > 0; left -= 10) await setTimeoutPromise(10);
const began = performance.now();
const end = began + seconds * 1_000;
const gap = () => (spacing === "even" ? 1_000 : -Math.log(1 - Math.random()) * 1_000) / rate;
let sent = 0;
let due = began;

function tick(): void {
  const now = performance.now();
  if (due < end) wakeLateMs = Math.max(wakeLateMs, now - due);
  for (; due <= now && due < end; due += gap()) {
    sent += 1;
    request(due);
  }
  if (due < end) setTimeout(tick, Math.max(1, due - performance.now()));
  else if (unanswered > 0 && now < end + giveUpMs) setTimeout(tick, 10);
  else finish();
}

function finish(): void {
  const lateAnswers = unanswered;
  if (lateAnswers > 0) failures.set("no answer", lateAnswers);
  const result: OpenLoop = {
    sent,
    seconds: (performance.now() - began) / 1_000,
    accepted,
    acceptedMs: summary(acceptedMs),
    refused: refusedBefore + refusedMs.length,
    refusedMs: summary(refusedMs),
    failures,
    wakeLateMs,
  };
  parentPort?.postMessage(result);
  process.exit();
}

tick();
