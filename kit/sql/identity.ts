import type { KnownStore } from "../messaging/index.ts";
import { Derivation, secretBytes, type Runtime } from "../runtime/index.ts";
import type { Session } from "./engine.ts";
import { inTransaction, type Migrating } from "./migrations.ts";
import { isMissingTable, storeQuestion } from "./store-fault.ts";

/** A random id, made with the store: two stores of one name are told apart by it. */
export async function identify({ engine, session }: Migrating, { ids }: Pick<Runtime, "ids">): Promise<string> {
  // Another process may be at work on the store: only who makes the id waits for its turn.
  let id = await identityOf(session);
  if (id !== undefined) return id;
  await inTransaction({ engine, session }, async () => {
    id = await identityOf(session);
    if (id !== undefined) return;
    id = ids.uuidv7();
    await session.run("INSERT INTO holdfast_store (id) VALUES (?)", [id]);
  });
  return id ?? "";
}

/** Under a secret that is made with the store, and is the same for all that open it. */
export async function derivationOf(
  { engine, session }: Migrating,
  { random }: Pick<Runtime, "random">,
): Promise<Derivation> {
  const kept = async (): Promise<string | undefined> => {
    const { rows } = await session.run("SELECT secret FROM holdfast_secret");
    const secret = rows[0]?.["secret"];
    return typeof secret === "string" ? secret : undefined;
  };
  let secret = await kept();
  if (secret === undefined)
    await inTransaction({ engine, session }, async () => {
      secret = await kept();
      if (secret !== undefined) return;
      secret = Buffer.from(random.bytes(secretBytes)).toString("base64");
      await session.run("INSERT INTO holdfast_secret (one, secret) VALUES (1, ?)", [secret]);
    });
  return new Derivation(Buffer.from(secret ?? "", "base64"));
}

/** Throws where the store is not the one that the data folder knows; asked before anything is made in it. */
export async function requireKnown(session: Session, known: KnownStore | undefined): Promise<void> {
  if (known?.id === undefined) return;
  let found: string | undefined;
  try {
    found = await identityOf(session);
  } catch (error) {
    if (!isMissingTable(error)) throw error;
  }
  if (found === undefined) throw known.refuse("The store is empty");
  if (found !== known.id) throw known.refuse(`The store is another one (${found})`);
}

/** What a missing file is answered with, where the data folder knows its store. */
export const whenMissing = (known: KnownStore | undefined): KnownStore["refuse"] | undefined =>
  known?.id === undefined ? undefined : (found) => known.refuse(found);

async function identityOf(session: Session): Promise<string | undefined> {
  const { rows } = await session.run(storeQuestion);
  const id = rows[0]?.["id"];
  return typeof id === "string" ? id : undefined;
}
