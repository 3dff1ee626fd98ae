import { integer, table, text, type Db } from "holdfast/sql";

export const tables = {
  topics: table({ topic: text().primaryKey(), notes: integer(), latest: text() }),
};
export type TopicsDb = Db<typeof tables>;
