import { Client, type Traffic, type TrafficOptions } from "../../traffic/client.ts";

/** Some with a seat for everybody, some that are soon full. */
export const courses = Array.from({ length: 12 }, (_, at) => ({
  courseId: String(at + 100),
  title: `Course ${String(at + 100)}`,
  price: { amount: 4_900 + at * 700, currency: "EUR" },
  seats: at % 4 === 3 ? 15 : 1_000_000,
}));

/** What becomes of a registration is the payment method's and the seats' doing; how often each comes, of a hundred. */
const methods: readonly (readonly [weight: number, method: string])[] = [
  [60, "card_ok"],
  [11, "card_declined"],
  [5, "card_insufficient_funds"],
  [10, "card_answer_lost"],
  [4, "card_declined_answer_lost"],
  [8, "card_down"],
  [2, "card_slow"],
];
const users = 400;
/** So many registrations bring a new user, and one leaves: where nobody new came, each would soon have every course, and nothing but refusals would be left. */
const perUser = 5;

interface Registered {
  readonly registrationId: string;
  readonly owner: string | undefined;
}

/** Learners. */
export class LearnerTraffic implements Traffic {
  readonly #client: Client;
  readonly #registered: Registered[] = [];
  #asked = 0;

  constructor(options: TrafficOptions) {
    this.#client = new Client(options);
  }

  /** Puts the courses into the catalogue. */
  async stockUp(): Promise<void> {
    for (const { courseId, ...body } of courses) await this.#client.put(`/courses/${courseId}`, body);
  }

  async one(): Promise<void> {
    const key = this.#client.key();
    const dice = this.#client.random.next();
    const registered = this.#client.pick(this.#registered);
    if (dice < 0.05) await this.#nonsense(key);
    else if (dice < 0.15 && registered !== undefined) await this.#cancel(key, registered);
    else await this.#register(key);
  }

  async #register(key: string): Promise<void> {
    const { random } = this.#client;
    this.#asked += 1;
    const user = `user-${String(Math.floor(random.next() * users + this.#asked / perUser))}`;
    const owner = random.next() < 0.4 ? user : undefined;
    const address = addressOf({
      user_id: user,
      user_email: `${user}@example.com`,
      course_id: this.#client.pick(courses)?.courseId ?? "",
      payment_method: this.#client.weighted(methods) ?? "card_ok",
    });
    // A learner that is not patient sends the same request twice at once.
    const twins = random.next() < 0.1 ? 2 : 1;
    const ask = () => this.#client.ask(key, "registration", address, { owner });
    const [answer] = await Promise.all(Array.from({ length: twins }, ask));
    if (answer?.status === 201) this.#registered.push({ registrationId: answer.id, owner });
  }

  /** At whatever stage it is. */
  async #cancel(key: string, { registrationId, owner }: Registered): Promise<void> {
    await this.#client.ask(key, "cancellation", `/registrations/${registrationId}/cancel`, { owner });
  }

  /** What nobody could fulfil: it must be refused, and leave nothing. */
  async #nonsense(key: string): Promise<void> {
    const good = { user_id: "1", user_email: "test@example.com", course_id: "100", payment_method: "card_ok" };
    const { course_id: _, ...withoutCourse } = good;
    const query = this.#client.pick<Readonly<Record<string, string>>>([
      withoutCourse,
      { ...good, course_id: "never-offered" },
      { ...good, course_id: "10 OR 1=1" },
      { ...good, user_email: "nobody" },
      { ...good, user_id: "" },
      { ...good, payment_method: "4111 1111 1111 1111" },
      { ...good, discount: "100" },
    ]);
    // Somebody else's user_id is refused to whoever is signed in.
    const owner = this.#client.random.next() < 0.2 ? "somebody-else" : undefined;
    await this.#client.ask(key, "nonsense", addressOf(owner === undefined ? (query ?? {}) : good), { owner });
  }
}

const addressOf = (query: Readonly<Record<string, string>>): string =>
  `/register?${new URLSearchParams(query).toString()}`;
