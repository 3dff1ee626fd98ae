import { shortened } from "holdfast/runtime";
import type { Kind } from "./contracts.ts";
import type { Facts } from "./notification.ts";

interface Template {
  readonly subject: string;
  readonly text: string;
}

/** `{name}` stands for a fact. */
const templates: Readonly<Record<Kind, Template>> = {
  "order-paid": {
    subject: "We received your payment",
    text: "Your order {orderId} is paid: {total}. Thank you.",
  },
  "order-confirmed": {
    subject: "Your order is confirmed",
    text: "Your order {orderId} is paid and set aside for you.",
  },
  "order-rejected": {
    subject: "Your order could not be filled",
    text: "We are sorry: your order {orderId} came to nothing, because {reason}. What you paid for it is given back.",
  },
  "order-refunded": {
    subject: "Your money is on its way back",
    text: "What you paid for the order {orderId} was given back: {total}.",
  },
  "registration-completed": {
    subject: "Welcome to {title}",
    text: "Welcome! You have a seat in {title} (course {courseId}), and access to it from now on.",
  },
  "registration-failed": {
    subject: "Your registration came to nothing",
    text: "We are sorry: your registration for the course {courseId} came to nothing, because {reason}. Nothing stays charged for it.",
  },
  "registration-cancelled": {
    subject: "Your registration is cancelled",
    text: "Your registration for the course {courseId} is cancelled, because {reason}. What you paid for it is given back.",
  },
  "registration-refunded": {
    subject: "Your money is on its way back",
    text: "What you paid for the course {courseId} was given back: {total}.",
  },
  "low-stock": {
    subject: "Low stock: {name}",
    text: "Of {name} ({sku}) {available} are available; the threshold is {threshold}.",
  },
  "sold-out": { subject: "Sold out: {name}", text: "{name} ({sku}) is sold out." },
};

/** Facts stand in one line each: what a stranger wrote cannot become a header or a paragraph. */
export function render(kind: Kind, facts: Facts): Template {
  const { subject, text } = templates[kind];
  const fill = (template: string) =>
    template.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? "?").replaceAll(/\s+/g, " "));
  return { subject: shortened(fill(subject), 200), text: fill(text) };
}
