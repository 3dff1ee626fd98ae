import { GetTopic } from "./contracts.ts";
import { handle } from "./scope.ts";

export const getTopic = handle(GetTopic, async ({ params, topics, reply }) =>
  reply(200, await topics.require(params.topic)),
);
