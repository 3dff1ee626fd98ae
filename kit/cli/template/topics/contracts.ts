import { contracts, t, type Value } from "holdfast/contract";

const { endpoint, problem } = contracts("topics");

export const Topic = t.Object({ topic: t.String(), notes: t.Integer({ minimum: 1 }), latest: t.String() });
export interface Topic extends Value<typeof Topic> {}

export const UnknownTopic = problem("topics/unknown-topic", {
  status: 404,
  retryable: false,
  summary: "No such topic",
  detail: "There is no note on {topic} yet.",
  facts: t.Object({ topic: t.String() }),
});

export const GetTopic = endpoint("GET /topics/{topic}", {
  summary: "How many notes there are on a topic, and the latest",
  access: "anyone",
  params: t.Object({ topic: t.String({ minLength: 1, maxLength: 50 }) }),
  replies: { 200: Topic },
  problems: [UnknownTopic],
});
