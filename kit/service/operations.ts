import {
  contracts,
  kitProblems,
  listOrder,
  page,
  pageOf,
  pageQuery,
  t,
  type Endpoint,
  type MadeReply,
} from "../contract/index.ts";
import type { DeadLetter, Store } from "../messaging/index.ts";
import type { Input } from "./routes.ts";

/** An endpoint that every service has; it works on the store itself, outside any unit. */
export interface Operation {
  readonly endpoint: Endpoint;
  run(store: Store<object>, input: Input, operator: string): Promise<MadeReply>;
}

const state = t.Union([t.Literal("dead"), t.Literal("redriven"), t.Literal("handled"), t.Literal("discarded")]);
const Letter = t.Object({
  id: t.String(),
  subscription: t.String(),
  state,
  code: t.String({ description: "Why the last attempt failed" }),
  error: t.String(),
  attempts: t.Integer(),
  redrive: t.Integer({ description: "How often it was redriven" }),
  diedAt: t.String({ format: "date-time" }),
  holdsKey: t.Boolean({ description: "Whether later messages of its key wait for it" }),
  effectKeys: t.Array(t.String(), { description: "Keys of effects that it may have used" }),
  message: t.Object({
    id: t.String(),
    source: t.String(),
    type: t.String(),
    version: t.Integer(),
    key: t.String(),
    time: t.String(),
    headers: t.Record(t.String(), t.String()),
    data: t.String({ description: "As it came; in base64 where it is not UTF-8" }),
    encoding: t.Union([t.Literal("utf-8"), t.Literal("base64")]),
  }),
});
const Entry = t.Object({
  action: t.Union([t.Literal("died"), t.Literal("redriven"), t.Literal("handled"), t.Literal("discarded")]),
  actor: t.String(),
  note: t.Optional(t.String()),
  at: t.String({ format: "date-time" }),
});
const note = t.String({ minLength: 1, maxLength: 2_000, description: "Why; kept in the audit" });
const params = t.Object({ id: t.String({ format: "uuid" }) });

/** A person's work on dead letters. Repeating a redrive or a discard changes nothing: the reply says what the letter is now. */
export function deadLetterOperations(service: string): readonly Operation[] {
  const { endpoint } = contracts(service);
  const access = "operator" as const;
  const problems = [kitProblems.deadLetterUnknown];
  const base = `/dead-letters/${service}` as const;
  const byId = listOrder(`dead letters of ${service}`, params.properties.id);
  const found = async (store: Store<object>, id: string) => {
    const letter = await store.deadLetter(id);
    if (letter === undefined) throw kitProblems.deadLetterUnknown({ id });
    return letter;
  };
  // Proof of the assertions below: input was validated against the schemas of the same endpoint.
  const idOf = (input: Input) => (input.params as { readonly id: string }).id; // Proof: see above.
  return [
    {
      endpoint: endpoint(`GET ${base}`, {
        summary: "Messages that could not be handled",
        access,
        query: t.Object({ ...pageQuery, state: t.Optional(state) }),
        replies: { 200: page(Letter) },
      }),
      async run(store, input) {
        // Proof: see above.
        const query = input.query as {
          readonly cursor?: string;
          readonly limit?: number;
          readonly state?: DeadLetter["state"];
        };
        const filter = query.state === undefined ? {} : { state: query.state };
        const letters = await pageOf(query, {
          order: byId,
          read: (after, limit) => store.deadLetters({ ...filter, ...(after === undefined ? {} : { after }), limit }),
          position: ({ id }) => id,
        });
        return { status: 200, body: { ...letters, items: letters.items.map(shown) } };
      },
    },
    {
      endpoint: endpoint(`GET ${base}/{id}`, {
        summary: "A dead letter and what was done to it",
        access,
        params,
        replies: { 200: t.Object({ letter: Letter, audit: t.Array(Entry) }) },
        problems,
      }),
      async run(store, input) {
        const letter = await found(store, idOf(input));
        const audit = await store.audit(letter.id);
        return {
          status: 200,
          body: {
            letter: shown(letter),
            audit: audit.map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })),
          },
        };
      },
    },
    {
      endpoint: endpoint(`POST ${base}/{id}/redrive`, {
        summary: "Try a dead letter again",
        access,
        params,
        body: t.Object({ note: t.Optional(note) }),
        replies: { 200: Letter },
        problems,
      }),
      async run(store, input, actor) {
        const letter = await found(store, idOf(input));
        // Proof: see above.
        await store.redrive(letter.id, actor, (input.body as { readonly note?: string }).note);
        return { status: 200, body: shown(await found(store, letter.id)) };
      },
    },
    {
      endpoint: endpoint(`POST ${base}/{id}/discard`, {
        summary: "Give a dead letter up",
        access,
        params,
        body: t.Object({ note }),
        replies: { 200: Letter },
        problems,
      }),
      async run(store, input, actor) {
        const letter = await found(store, idOf(input));
        // Proof: see above.
        await store.discard(letter.id, actor, (input.body as { readonly note: string }).note);
        return { status: 200, body: shown(await found(store, letter.id)) };
      },
    },
  ];
}

function shown({ envelope: { data, ...envelope }, ...letter }: DeadLetter) {
  const text = typeof data === "string";
  return {
    ...letter,
    diedAt: new Date(letter.diedAt).toISOString(),
    message: {
      ...envelope,
      data: text ? data : Buffer.from(data).toString("base64"),
      encoding: text ? "utf-8" : "base64",
    },
  };
}
