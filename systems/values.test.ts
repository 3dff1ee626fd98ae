import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { findProblem, type Endpoint } from "holdfast/contract";
import { asService, operator, start, until } from "holdfast/testing";
import { Client } from "pg";
import { CreateCustomer, GetCustomer, GetCustomerOrders } from "./commerce/customers/contracts.ts";
import { PutStock } from "./commerce/inventory/contracts.ts";
import { GetOrder, ListOrdersOfCustomer, PlaceOrder } from "./commerce/orders/contracts.ts";
import { PutCourse } from "./education/courses/contracts.ts";
import { Register } from "./education/registrations/contracts.ts";
import { paymentIdOf } from "./education/payments/payment-store.ts";
import { engines } from "./fixtures/engines.ts";
import { largestAmount } from "./money.ts";
import { deliveries } from "./notifications/mail/captured.ts";
import { mailFile } from "./notifications/mail/index.ts";
import { services } from "./systems.ts";

for (const { engine, storeUrl, skip } of engines)
  test(
    `${engine}: amounts, cursors and ids of the platform are taken as they are meant, or refused`,
    { skip },
    async (t) => {
      await using shop = await start(
        services,
        storeUrl === undefined ? {} : { storeUrl: await ownDatabase(t, storeUrl) },
      );
      const stock = (sku: string, amount: number, currency: string, quantity = 1_000_000) =>
        shop.call(PutStock, {
          params: { sku },
          body: { name: sku, price: { amount, currency }, quantity },
          as: operator(),
        });
      const { customerId } = (await shop.call(CreateCustomer, { body: { name: "Ada", email: "ada@example.com" } }))
        .body;
      const order = async (sku: string, quantity: number, more: object = {}) => {
        const body = { customerId, lines: [{ sku, quantity }], paymentMethod: "card_ok", ...more };
        return (await shop.call(PlaceOrder, { body })).body;
      };

      await t.test("a currency that does not exist has no prices", async () => {
        for (const currency of ["XXX", "ZZZ", "XTS", "XAU", "HRK"]) {
          assert.equal(await codeOf(stock("tea", 1, currency)), "kit/invalid-request", currency);
          const body = { title: "Baking", price: { amount: 1, currency }, seats: 1 };
          const put = shop.call(PutCourse, { params: { courseId: "10" }, body, as: operator() });
          assert.equal(await codeOf(put), "kit/invalid-request", currency);
        }
      });

      await t.test(
        "an order of more than the largest amount is refused by its own code, and nothing is kept of it",
        async () => {
          await stock("gold", largestAmount, "EUR");
          await stock("copper", 1_500_000_000, "EUR");
          assert.equal((await order("gold", 1)).total.amount, largestAmount);
          for (const [sku, quantity] of [
            ["gold", 2],
            ["gold", 1_000],
            ["copper", 1_000],
          ] as const)
            assert.deepEqual(await refusal(order(sku, quantity)), [422, "orders/total-too-large"], sku);
          const lines = await Promise.all(
            Array.from({ length: 100 }, async (_, at) => {
              const sku = `silver-${String(at)}`;
              await stock(sku, largestAmount, "EUR");
              return { sku, quantity: 1_000 };
            }),
          );
          assert.deepEqual(await refusal(order("gold", 1, { lines })), [422, "orders/total-too-large"]);
          const listed = await shop.call(ListOrdersOfCustomer, { query: { customerId }, as: asService("customers") });
          assert.equal(listed.body.items.length, 1);
        },
      );

      await t.test("mails name what was paid in the decimals of its currency", async () => {
        const told = async (sku: string, amount: number, currency: string, text: string) => {
          await stock(sku, amount, currency);
          const { orderId } = await order(sku, 1);
          const has = () =>
            deliveries(mailFile(shop.data)).some((mail) => mail.text.includes(`${orderId} is paid: ${text}`));
          await until(`a mail says ${text}`, () => Promise.resolve(has()));
        };
        await told("yen", 5_000, "JPY", "5000 JPY.");
        await told("dinar", 5_000, "KWD", "5.000 KWD.");
        await told("fomento", 12_345, "CLF", "1.2345 CLF.");
      });

      await t.test("the title of a course is cut between its characters in the subject of a mail", async () => {
        const body = { title: "😀".repeat(200), price: { amount: 1, currency: "JPY" }, seats: 1 };
        await shop.call(PutCourse, { params: { courseId: "20" }, body, as: operator() });
        const query = { user_id: "2", user_email: "bob@example.com", course_id: "20", payment_method: "card_ok" };
        await shop.call(Register, { query });
        const subject = () => deliveries(mailFile(shop.data)).find(({ to }) => to === query.user_email)?.subject;
        await until("the learner is welcomed", () => Promise.resolve(subject() !== undefined));
        assert.match(subject() ?? "", /^Welcome to (?:😀)+$/u);
      });

      await t.test("a card number is no payment method, with letters around it either", async () => {
        for (const paymentMethod of ["card4111111111111111", "4111-1111-1111-1111x"])
          assert.equal(await codeOf(order("yen", 1, { paymentMethod })), "kit/invalid-request");
      });

      await t.test("an id in upper case is the same id", async () => {
        const { orderId } = await order("yen", 1, { customerId: customerId.toUpperCase() });
        assert.equal(
          (await shop.call(GetOrder, { params: { orderId: orderId.toUpperCase() } })).body.customerId,
          customerId,
        );
        const found = await shop.call(GetCustomer, { params: { customerId: customerId.toUpperCase() } });
        assert.equal(found.body.customerId, customerId);
      });

      await t.test("every list refuses a cursor that it did not make, and goes on from its own", async () => {
        const query = { user_id: "3", user_email: "eve@example.com", course_id: "20", payment_method: "card_ok" };
        const { registrationId } = (await shop.call(Register, { query })).body;
        await shop.inject({ type: "customer.created", key: "odd", version: 99, data: "{}" });
        await shop.inject({ type: "order.created", key: "odd", version: 99, data: "{}" });
        await shop.settled();
        const paymentId = paymentIdOf(registrationId);
        const lists = shop.system.services.flatMap(({ endpoints }) => endpoints).filter(isList);
        assert.ok(lists.length >= 13, `${String(lists.length)} lists`);
        const callers = { service: asService("customers"), anyone: undefined, user: operator(), operator: operator() };
        const read = async (list: Endpoint, cursor?: string) => {
          const filters = list.route === ListOrdersOfCustomer.route ? { customerId } : {};
          const request = {
            params: { customerId, paymentId },
            query: { ...filters, limit: 1, ...(cursor === undefined ? {} : { cursor }) },
            as: callers[list.spec.access],
          };
          // Proof: parts that a list does not have are left out by its contract; the reply is a page.
          const { body } = await shop.call(list, paramsOf(list, request) as never);
          return body as unknown as { readonly next?: string }; // Proof: see above.
        };
        const cursors = new Map<string, string>();
        for (const list of lists) {
          const { next } = await read(list);
          if (next === undefined) continue;
          cursors.set(list.route, next);
          await read(list, next);
        }
        const paths = [
          "/stock",
          "/orders",
          "/customers/{customerId}/orders",
          "/notifications",
          "/payments/{paymentId}/events",
        ];
        for (const path of paths) assert.ok(cursors.has(`GET ${path}`), `${path} has one page alone`);
        const forged = [
          "zzz",
          ...["null", "1", "1.5", "1e400", "1e30", '"abc"', '""', '"a\\u0000b"', '"\\ud800"', "{}", "[1]"].map((text) =>
            Buffer.from(text).toString("base64url"),
          ),
        ];
        for (const list of lists) {
          const others = [...cursors].filter(([route]) => sourceOf(route) !== sourceOf(list.route));
          for (const cursor of [...forged, ...others.map(([, other]) => other)])
            assert.deepEqual(
              await refusal(read(list, cursor)),
              [400, "kit/invalid-request"],
              `${list.route} ${cursor}`,
            );
        }
      });
    },
  );

/** Customers hands the list of orders on, and its cursors. */
const sourceOf = (route: string) => (route === GetCustomerOrders.route ? ListOrdersOfCustomer.route : route);
const isList = ({ method, spec }: Endpoint) =>
  method === "GET" && JSON.stringify(spec.query ?? {}).includes('"cursor"');
const paramsOf = (
  { path }: Endpoint,
  { params, ...request }: { readonly params: Readonly<Record<string, string>> },
) => ({
  ...request,
  params: Object.fromEntries(Object.entries(params).filter(([name]) => path.includes(`{${name}}`))),
});

async function refusal(work: Promise<unknown>): Promise<readonly unknown[]> {
  try {
    await work;
    return [];
  } catch (error) {
    const problem = findProblem(error);
    return [problem?.status, problem?.code];
  }
}
const codeOf = async (work: Promise<unknown>) => (await refusal(work))[1];

/** Schemas are named after services: a database of its own keeps this test apart from others. */
async function ownDatabase(t: TestContext, storeUrl: string): Promise<string> {
  const name = `values_${randomUUID()}`;
  const run = async (statement: string) => {
    const client = new Client(storeUrl);
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await run(`CREATE DATABASE "${name}"`);
  t.after(() => run(`DROP DATABASE "${name}" WITH (FORCE)`));
  const url = new URL(storeUrl);
  url.pathname = `/${name}`;
  return url.href;
}
