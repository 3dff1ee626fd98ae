import { randomUUID } from "node:crypto";
import fastify from "fastify";
import { subject } from "../harness/subject.ts";
import { NewOrder, Order, totalOf } from "./order.ts";

/** Fastify alone: validates, refuses unknown fields, answers 201, stores nothing. What HTTP costs on this Node. */
const app = fastify({ ajv: { customOptions: { removeAdditional: false } } });
app.post<{ Body: NewOrder }>("/orders", { schema: { body: NewOrder, response: { 201: Order } } }, (request, reply) => {
  const { customer_id, items } = request.body;
  return reply.code(201).send({ id: randomUUID(), customer_id, items, total_cents: totalOf(items), status: "created" });
});
subject({ url: await app.listen({ port: 0, host: "127.0.0.1" }) }, () => app.close());
