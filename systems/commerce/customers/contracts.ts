import { contracts, page, pageQuery, t, type Value } from "holdfast/contract";
import { Order } from "../orders/contracts.ts";

const { endpoint, event, problem } = contracts("customers", { exchange: "commerce" });

const fields = {
  name: t.String({ minLength: 1, maxLength: 200, description: "How the customer is addressed" }),
  email: t.String({ format: "email", maxLength: 254 }),
};
export const NewCustomer = t.Object(fields);
export const Customer = t.Object({
  customerId: t.String({ format: "uuid" }),
  ...fields,
  createdAt: t.String({ format: "date-time" }),
});
export interface Customer extends Value<typeof Customer> {}

export const UnknownCustomer = problem("customers/unknown-customer", {
  status: 404,
  retryable: false,
  summary: "No such customer",
  detail: "There is no customer {customerId}, or it is not yours to see.",
  facts: t.Object({ customerId: t.String() }),
});

export const CustomerCreated = event("customer.created", {
  version: 1,
  key: "customerId",
  summary: "A customer joined",
  data: t.Object({
    customerId: t.String({ format: "uuid" }),
    name: t.String(),
    owner: t.Optional(t.String({ description: "The signed-in user who made the record; absent for a guest's" })),
  }),
});

export const CreateCustomer = endpoint("POST /customers", {
  summary: "Create a customer",
  access: "anyone",
  idempotent: true,
  body: NewCustomer,
  replies: { 201: { body: Customer, headers: t.Object({ location: t.String() }) } },
});

const byId = { params: t.Object({ customerId: t.String({ format: "uuid" }) }), problems: [UnknownCustomer] };
export const GetCustomer = endpoint("GET /customers/{customerId}", {
  summary: "A customer",
  access: "anyone",
  ...byId,
  replies: { 200: Customer },
});
export const GetCustomerOrders = endpoint("GET /customers/{customerId}/orders", {
  summary: "The orders of a customer, newest first",
  access: "anyone",
  ...byId,
  query: t.Object(pageQuery),
  replies: { 200: page(Order) },
});
/** For other services: a customer with the user who owns the record. */
export const LookUpCustomer = endpoint("GET /customers/{customerId}/owner", {
  summary: "Who a customer is, and who owns the record",
  access: "service",
  ...byId,
  replies: { 200: t.Object({ ...CustomerCreated.data.properties, email: fields.email }) },
});
