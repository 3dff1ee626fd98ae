import type { Whereabouts } from "holdfast/cli";

/** What a service is filled with where it is empty. */
interface Part {
  readonly service: string;
  /** Its list, whose items are made and found under their ids. */
  readonly list: string;
  readonly items: Readonly<Record<string, object>>;
}

const price = (amount: number) => ({ amount, currency: "EUR" });
const parts: readonly Part[] = [
  {
    service: "inventory",
    list: "/stock",
    items: {
      apple: { name: "Apple", price: price(40), quantity: 1_000, threshold: 100 },
      bread: { name: "Bread", price: price(320), quantity: 200, threshold: 20 },
      coffee: { name: "Coffee, 1 kg", price: price(1_490), quantity: 50, threshold: 5 },
    },
  },
  {
    service: "courses",
    list: "/courses",
    items: {
      "10": { title: "Baking bread", price: price(4_900), seats: 100 },
      "20": { title: "Bookkeeping for shops", price: price(12_900), seats: 20 },
      "30": { title: "Tasting coffee", price: price(1_900), seats: 5 },
    },
  },
];

/** What the first calls need, put where there is nothing yet; says what it did. Services that do not run are left out. */
export async function seed({ url, addresses, token }: Whereabouts & { readonly token: string }): Promise<void> {
  const ask = async (address: string, init: RequestInit = {}): Promise<unknown> => {
    const reply = await fetch(`${url}${address}`, { ...init, redirect: "error", signal: AbortSignal.timeout(10_000) });
    if (!reply.ok) throw new Error(`${address} answered ${String(reply.status)}.`);
    return reply.json();
  };
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  for (const { service, list, items } of parts) {
    if (!addresses.some(({ name }) => name === service)) continue;
    const found = await ask(`${list}?limit=1`);
    const there: unknown = typeof found === "object" && found !== null ? Reflect.get(found, "items") : undefined;
    if (!Array.isArray(there) || there.length > 0) continue;
    for (const [id, item] of Object.entries(items))
      await ask(`${list}/${id}`, { method: "PUT", headers, body: JSON.stringify(item) });
    process.stdout.write(`Filled, as this is a development platform: ${list} with ${Object.keys(items).join(", ")}.\n`);
  }
}
