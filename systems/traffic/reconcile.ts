import type { Reconciliation } from "holdfast/testing";
import { deliveries } from "../notifications/mail/captured.ts";
import { mailFile } from "../notifications/mail/index.ts";
import { gatewayFile } from "../payment-gateway/index.ts";
import { ledger } from "../payment-gateway/ledger.ts";
import type { Traffic, TrafficOptions } from "./client.ts";
import { Findings } from "./findings.ts";
import { read, type Answer, type What } from "./ledger.ts";
import { Stores } from "./stores.ts";

/** What the gateway's book says of one reference. */
export interface Book {
  readonly charges: number;
  /** Charged and not given back, in minor units. */
  readonly kept: number;
}

/** What a system's comparison is given. */
export interface Evidence {
  readonly stores: Stores;
  readonly findings: Findings;
  /** Requests of one kind with their definite answers. */
  answered(what: What): readonly (Answer & { readonly key: string })[];
  readonly books: ReadonlyMap<string, Book>;
  /** Keys of the messages of an event, each message once. */
  published(type: string): readonly string[];
  /** What is told to people, by kind: the `about` of each notification, and where its mail went: `<about> <address>`. */
  told(kind: string): readonly string[];
  /** Nobody else has used the platform, so that whatever the ledger does not know is one too many. */
  readonly alone: boolean;
}

export interface SystemFindings {
  /** `412 orders (400 confirmed, 12 rejected)` */
  readonly compared: string;
  /** How many requests made something. */
  readonly accepted: number;
  /** What the gateway may have charged for. */
  readonly references: Iterable<string>;
}

/** A system's part of the comparison: it says what it finds in `findings`. */
export interface SystemCheck {
  readonly name: string;
  readonly tables: readonly string[];
  readonly documents: readonly string[];
  /** Whose dead letters strangers' messages end in. */
  readonly strangersIn: string;
  /** The type of the strangers' messages. */
  readonly strangers: string;
  /** The setting that names its payment gateway, in the environment. */
  readonly gatewayOf: string;
  /** A row that is lost, one that is doubled and one that does not balance: shown them, the comparison must see each. */
  readonly planted: Readonly<
    Record<"lost" | "doubled" | "unbalanced", { readonly store: string; readonly sql: string }>
  >;
  compare(evidence: Evidence): SystemFindings;
}

/** Puts a message of an event on the log a second time, under an id of its own. */
export const twin = (type: string): string =>
  `INSERT INTO log ("messageId", source, type, version, "key", time, "correlationId", headers, data, at) SELECT 'twin', source, type, version, "key", time, "correlationId", headers, data, at FROM log WHERE type = '${type}' LIMIT 1`;

/** A system as the demo and the crash rig use it. */
export interface UnderLoad {
  readonly check: SystemCheck;
  readonly traffic: (options: TrafficOptions) => Traffic;
  /** Answers where the system runs. */
  readonly probe: string;
  /** Where the life of one thing is told. */
  readonly history: string;
}

export interface Count {
  readonly accepted: number;
  readonly refused: number;
  /** What the client has an answer for and the platform does not, or has not decided. */
  readonly lost: number;
  /** What is there twice. */
  readonly doubled: number;
  readonly mails: number;
  /** Mails that were handed over more than once, under one Message-ID: SMTP has no key that a server knows. */
  readonly repeated: number;
}
export interface PlatformReconciliation extends Reconciliation {
  readonly count: Count;
  readonly systems: readonly SystemFindings[];
}

/** The client's ledger against every service's store, the log, the payment gateway's book and the mail. */
export function reconcile(
  data: string,
  systems: readonly SystemCheck[],
  { alone = true } = {},
): Promise<PlatformReconciliation> {
  using stores = new Stores(data);
  return Promise.resolve(compare(data, stores, { systems, alone }));
}

function compare(
  data: string,
  stores: Stores,
  { systems, alone }: { readonly systems: readonly SystemCheck[]; readonly alone: boolean },
): PlatformReconciliation {
  const { requests, contradictions } = read(data);
  const findings = new Findings();
  findings.violations.push(...contradictions);
  let refused = 0;
  const answers = new Map<What, (Answer & { readonly key: string })[]>();
  for (const [key, { what, answer, abandoned }] of requests) {
    if (answer === undefined) {
      if (!abandoned) findings.violations.push(`The request ${key} never got an answer.`);
    } else {
      const alike = answers.get(what) ?? [];
      alike.push({ ...answer, key });
      answers.set(what, alike);
      if (answer.status >= 400) refused += 1;
    }
    if (what === "nonsense" && answer !== undefined && answer.status < 400)
      findings.violations.push(`The nonsense ${key} was answered with ${String(answer.status)}.`);
  }
  const books = booksOf(gatewayFile(data));
  findings.doubling(
    "charges",
    [...books].flatMap(([id, { charges }]) => (charges > 1 ? [id] : [])),
  );
  const notifications = stores.documents("notifications", "notifications");
  const mails = deliveries(mailFile(data));
  const went = new Map<string, string>();
  for (const { messageId, to } of mails) {
    if ((went.get(messageId) ?? to) !== to) findings.violations.push(`The mail ${messageId} went to two addresses.`);
    went.set(messageId, to);
  }
  const found = systems.map((system) =>
    system.compare({
      stores,
      findings,
      books,
      alone,
      answered: (what) => answers.get(what) ?? [],
      published: (type) =>
        stores
          .column(
            "broker",
            `SELECT DISTINCT "key" || ' ' || "messageId" FROM log WHERE type = '${type}' AND version = 1`,
          )
          .map((text) => text.split(" ")[0] ?? ""),
      told: (kind) =>
        [...notifications].flatMap(([id, each]) =>
          each["kind"] === kind ? [`${String(each["about"])} ${went.get(messageIdOf(id)) ?? "nobody"}`] : [],
        ),
    }),
  );
  const known = new Set(found.flatMap(({ references }) => [...references]));
  findings.say(
    "unbalanced: money that was kept for nobody",
    [...books].flatMap(([id, { kept }]) => (kept !== 0 && !known.has(id) ? [id] : [])),
  );
  const distinct = [...went.keys()];
  const sent = [...notifications].map(([id, { state }]) =>
    state === "sent" ? messageIdOf(id) : `${String(state)}: ${id}`,
  );
  findings.equal("mails", sent, distinct);
  for (const system of systems) restOf(stores, system, findings);
  const accepted = found.reduce((sum, each) => sum + each.accepted, 0);
  const count: Count = {
    accepted,
    refused,
    lost: findings.lost,
    doubled: findings.doubled,
    mails: distinct.length,
    repeated: mails.length - distinct.length,
  };
  const compared = [...found.map((each) => each.compared), `${String(distinct.length)} mails`].join(", ");
  return { compared, violations: findings.violations, count, systems: found };
}

const messageIdOf = (notificationId: string): string => `<${notificationId}@holdfast>`;

function booksOf(file: string): ReadonlyMap<string, Book> {
  const books = new Map<string, Book>();
  for (const { reference, chargeId, charged, refunded } of ledger(file)) {
    const { charges, kept } = books.get(reference) ?? { charges: 0, kept: 0 };
    books.set(reference, { charges: charges + (chargeId === undefined ? 0 : 1), kept: kept + charged - refunded });
  }
  return books;
}

/** Nothing is left on its way, nothing is dead but what strangers sent. */
function restOf(stores: Stores, { tables, documents, strangers, strangersIn }: SystemCheck, findings: Findings): void {
  findings.equal(
    "strangers among the dead letters",
    stores.column("broker", `SELECT "messageId" FROM log WHERE source = '/strangers' AND type = '${strangers}'`),
    stores.column(
      strangersIn,
      `SELECT "messageId" FROM holdfast_dead_letters WHERE source = '/strangers' AND state = 'dead'`,
    ),
  );
  const left = (name: string, parked: number) => {
    const outbox = stores.number(name, "SELECT count(*) FROM holdfast_outbox");
    if (outbox > 0) findings.violations.push(`${String(outbox)} messages are left in the outbox of ${name}`);
    if (parked > 0) findings.violations.push(`${String(parked)} messages are left parked in ${name}`);
  };
  for (const name of tables) {
    const waiting = `SELECT count(*) FROM holdfast_parked WHERE NOT (attempts = 0 AND "nextAt" > ${String(Date.now())})`;
    left(name, stores.number(name, waiting));
    findings.say(
      `dead letters of ${name}`,
      stores.column(
        name,
        "SELECT subscription || ' ' || error FROM holdfast_dead_letters WHERE source <> '/strangers'",
      ),
    );
  }
  for (const name of documents) {
    const waiting = [...stores.documents(name, "holdfast_parked").values()].filter(
      ({ attempts, nextAt }) => !(attempts === 0 && Number(nextAt) > Date.now()),
    );
    left(name, waiting.length);
    findings.say(
      `dead letters of ${name}`,
      [...stores.documents(name, "holdfast_dead_letters").values()].map(
        ({ subscription, error }) => `${String(subscription)} ${String(error)}`,
      ),
    );
  }
}
