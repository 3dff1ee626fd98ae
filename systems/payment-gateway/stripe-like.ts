import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { keyRetentionMs } from "./port.ts";
import { genericDecline, StripeBook, type Answer, type Intent } from "./stripe-like-book.ts";

export interface StripeLikeOptions {
  /** Milliseconds since 1970. @default the system's */
  readonly now?: () => number;
}

export interface SignedEvent {
  readonly id: string;
  readonly body: string;
  /** Of the header `stripe-signature`. */
  readonly signature: string;
}

export interface StripeLike extends AsyncDisposable {
  readonly url: string;
  /** The one key that it takes. */
  readonly key: string;
  readonly webhookSecret: string;
  readonly book: StripeBook;
  readonly clock: { now(): number };
  /** What it was asked, such as `POST /v1/refunds`. */
  readonly asked: readonly string[];
  /** Requests with `pm_like_silent` are answered from now on, those that wait included. */
  speak(): void;
  /** What became of an intent that was on its way, and the event that tells of it. */
  finish(id: string, status: "succeeded" | "requires_payment_method"): SignedEvent;
  sign(body: string, at?: number): string;
}

interface Kept {
  readonly params: string;
  readonly at: number;
  /** Undefined while it is in work. */
  answer: Answer | undefined;
}

/** Times that `pm_like_down` is told 503. */
const downs = 3;
const errorAnswer = (status: number, type: string, more: object = {}): Answer => ({
  status,
  body: { error: { type, message: `It answers ${String(status)}.`, ...more } },
});

/**
 * The part of Stripe's API that the gateway uses, on loopback and in memory, for tests: idempotency keys with the request that they were used for and its answer
 * (https://docs.stripe.com/api/idempotent_requests), the documented test methods, and signed events (https://docs.stripe.com/webhooks/signature).
 * Methods of its own stay on the way or out: see `methods` of stripe-like-book.ts.
 */
export async function stripeLike({ now = Date.now }: StripeLikeOptions = {}): Promise<StripeLike> {
  const [key, webhookSecret] = ["sk_test_like", "whsec_like"];
  const book = new StripeBook(now);
  const kept = new Map<string, Kept>();
  const asked: string[] = [];
  const outages = new Map<string, number>();
  const speaking = Promise.withResolvers<undefined>();

  /** Undefined: the connection is lost. */
  const answer = async (request: IncomingMessage): Promise<Answer | undefined> => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://stripe.like");
    const text = await textOf(request);
    asked.push(`${request.method ?? ""} ${pathname}`);
    if (request.headers.authorization !== `Bearer ${key}`)
      return errorAnswer(401, "invalid_request_error", {
        message: `Invalid API Key: ${request.headers.authorization ?? ""}`,
      });
    if (request.method === "GET") return read(pathname, searchParams);
    const idempotencyKey = String(request.headers["idempotency-key"] ?? "");
    const params = `${pathname}?${text}`;
    const known = kept.get(idempotencyKey);
    if (known !== undefined && now() - known.at < keyRetentionMs) {
      if (known.params !== params) return errorAnswer(400, "idempotency_error");
      return known.answer ?? errorAnswer(409, "idempotency_error", { code: "idempotency_key_in_use" });
    }
    const form = new URLSearchParams(text);
    const method = form.get("payment_method");
    const outage = (outages.get(idempotencyKey) ?? 0) + 1;
    outages.set(idempotencyKey, outage);
    if (method === "pm_like_down" && outage <= downs) return errorAnswer(503, "api_error");
    const entry: Kept = { params, at: now(), answer: undefined };
    kept.set(idempotencyKey, entry);
    if (method === "pm_like_silent") await speaking.promise;
    entry.answer = write(pathname, form);
    if (entry.answer.unbegun === true) kept.delete(idempotencyKey);
    return method === "pm_like_answerLost" && outage === 1 ? undefined : entry.answer;
  };
  const read = (address: string, query: URLSearchParams): Answer => {
    if (address === "/v1/payment_intents/search") return book.search(query.get("query") ?? "");
    const id = /^\/v1\/payment_intents\/(\w+)$/.exec(address)?.[1];
    if (id !== undefined) return book.retrieve(id);
    return address === "/v1/refunds" ? book.listRefunds(query) : errorAnswer(404, "invalid_request_error");
  };
  const write = (address: string, form: URLSearchParams): Answer => {
    const canceled = /^\/v1\/payment_intents\/(\w+)\/cancel$/.exec(address)?.[1];
    if (canceled !== undefined) return book.cancel(canceled, form);
    if (address === "/v1/payment_intents") return book.charge(form);
    return address === "/v1/refunds" ? book.refund(form) : errorAnswer(404, "invalid_request_error");
  };

  const server = createServer((request, response) => {
    answer(request).then(
      (given) => {
        if (given === undefined) request.socket.destroy();
        else
          response
            .writeHead(given.status, {
              "content-type": "application/json",
              "request-id": `req_${String(asked.length)}`,
            })
            .end(JSON.stringify(given.body));
      },
      () => request.socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sign = (body: string, at = now()) => {
    const time = String(Math.floor(at / 1_000));
    return `t=${time},v1=${createHmac("sha256", webhookSecret).update(`${time}.${body}`).digest("hex")}`;
  };
  let events = 0;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    key,
    webhookSecret,
    book,
    clock: { now },
    asked,
    speak: () => speaking.resolve(undefined),
    finish(id, status) {
      const intent = book.intents.get(id);
      if (intent === undefined) throw new Error(`There is no intent ${id}.`);
      intent.status = status;
      if (status !== "succeeded") intent.last_payment_error = genericDecline;
      const event = eventOf(`evt_like${String((events += 1))}`, intent, now());
      const body = JSON.stringify(event, undefined, 2);
      return { id: event.id, body, signature: sign(body) };
    },
    sign,
    async [Symbol.asyncDispose]() {
      speaking.resolve(undefined);
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** https://docs.stripe.com/api/events/object */
const eventOf = (id: string, intent: Intent, now: number) => ({
  id,
  object: "event",
  created: Math.floor(now / 1_000),
  type: intent.status === "succeeded" ? "payment_intent.succeeded" : "payment_intent.payment_failed",
  livemode: false,
  data: { object: { ...intent } },
});

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  // Proof: a request without an encoding gives buffers.
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
