import { UnknownTopic, type Topic } from "./contracts.ts";
import type { TopicsDb } from "./tables.ts";

export class TopicStore {
  readonly #db: TopicsDb;

  constructor(db: TopicsDb) {
    this.#db = db;
  }

  /** One note more, which is the latest. */
  async count(topic: string, latest: string): Promise<void> {
    await this.#db
      .insertInto("topics")
      .values({ topic, notes: 1, latest })
      .onConflict((conflict) =>
        conflict.column("topic").doUpdateSet((at) => ({ notes: at("topics.notes", "+", 1), latest })),
      )
      .execute();
  }

  /** Throws `topics/unknown-topic`. */
  async require(topic: string): Promise<Topic> {
    const row = await this.#db.selectFrom("topics").selectAll().where("topic", "=", topic).executeTakeFirst();
    if (row === undefined) throw UnknownTopic({ topic });
    return row;
  }
}
