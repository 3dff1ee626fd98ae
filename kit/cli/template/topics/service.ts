import * as contracts from "./contracts.ts";
import { countNote } from "./count-note.ts";
import { getTopic } from "./get-topic.ts";
import { assemble } from "./scope.ts";

export const topics = assemble(contracts, { routes: { GetTopic: getTopic }, consumers: [countNote] });
