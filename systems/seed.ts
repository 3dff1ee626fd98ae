const products = [
  { sku: "apple", name: "Apple", price: { amount: 40, currency: "EUR" }, quantity: 1_000, threshold: 100 },
  { sku: "bread", name: "Bread", price: { amount: 320, currency: "EUR" }, quantity: 200, threshold: 20 },
  { sku: "coffee", name: "Coffee, 1 kg", price: { amount: 1_490, currency: "EUR" }, quantity: 50, threshold: 5 },
];

/** What the first calls need, put where there is nothing yet; says what it did. */
export async function seed({ url, token }: { readonly url: string; readonly token: string }): Promise<void> {
  const ask = async (address: string, init: RequestInit = {}): Promise<unknown> => {
    const reply = await fetch(`${url}${address}`, { ...init, redirect: "error", signal: AbortSignal.timeout(10_000) });
    if (!reply.ok && reply.status !== 404) throw new Error(`${address} answered ${String(reply.status)}.`);
    return reply.ok ? await reply.json() : undefined;
  };
  const stocked = await ask("/stock?limit=1");
  const items: unknown = typeof stocked === "object" && stocked !== null ? Reflect.get(stocked, "items") : undefined;
  if (!Array.isArray(items) || items.length > 0) return;
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  for (const { sku, ...product } of products)
    await ask(`/stock/${sku}`, { method: "PUT", headers, body: JSON.stringify(product) });
  process.stdout.write(`Stocked, as this is a development platform: ${products.map(({ sku }) => sku).join(", ")}.\n`);
}
