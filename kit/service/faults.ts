import { contractFaults, type Endpoint } from "../contract/index.ts";
import type { Consumer, JobHandler, Route } from "./definition.ts";
import { reservedNames } from "./given.ts";
import { retryFaults } from "../messaging/index.ts";
import { scheduleFaults } from "./schedules.ts";
import type { Service } from "./service.ts";

/** Names a handler in reports: `POST /orders`. */
export const handlerName = (endpoint: Endpoint): string => endpoint.route;

/**
 * Everything that is wrong with a set of services before they start, as sentences; empty when they may start.
 * What types can say is a compile error instead.
 */
export function startupFaults(
  services: readonly Service[],
  foreign: { readonly events?: readonly string[] } = {},
): readonly string[] {
  const faults: string[] = [];
  const routes = new Map<string, string>();
  const published = new Set(foreign.events);
  for (const { contracts } of services)
    for (const contract of contracts) if (contract.kind === "event") published.add(contract.name);
  for (const service of services) {
    const say = (fault: string) => faults.push(`${service.name}: ${fault}`);
    for (const fault of service.spec.store.faults()) say(fault);
    for (const contract of service.contracts) {
      for (const fault of contractFaults(contract)) say(fault);
      if (contract.owner !== service.name)
        say(`${describe(contract)} belongs to ${contract.owner}, and only its owner may list it.`);
    }
    for (const { endpoint, by } of service.routes) {
      const shape = `${endpoint.method} ${endpoint.path.replaceAll(/\{[^}]*\}/g, "{}")}`;
      const other = routes.get(shape);
      if (other !== undefined) say(`${endpoint.route} is claimed by ${other} too.`);
      routes.set(shape, service.name);
      if (by !== service.spec) say(`the handler of ${endpoint.route} was made by another service(…).`);
    }
    for (const { document, ...handler } of [...service.routes, ...service.consumers, ...service.jobs]) {
      if (document !== undefined && !service.spec.store.collections.includes(document.collection))
        say(
          `the handler of ${nameOf(handler)} changes a document of ${document.collection}, which is not among the collections of its store.`,
        );
    }
    const consumed = new Set<string>();
    for (const { event, by, options } of service.consumers) {
      if (by !== service.spec) say(`the consumer of ${event.name} was made by another service(…).`);
      if (consumed.has(event.name)) say(`${event.name} is consumed twice; one consumer does what both did.`);
      consumed.add(event.name);
      for (const fault of retryFaults(options.retry)) say(`the consumer of ${event.name}: ${fault}`);
      if (!published.has(event.name)) say(`${event.name} is consumed, but no service here publishes it.`);
    }
    const worked = new Set<string>();
    for (const { job, by, options } of service.jobs) {
      for (const fault of contractFaults(job)) say(fault);
      if (job.owner !== service.name)
        say(`the job ${job.name} belongs to ${job.owner}, and only its owner works on it.`);
      if (by !== service.spec) say(`the handler of the job ${job.name} was made by another service(…).`);
      if (worked.has(job.name)) say(`the job ${job.name} has two handlers.`);
      worked.add(job.name);
      for (const fault of retryFaults(options.retry)) say(`the job ${job.name}: ${fault}`);
      if (options.schedule !== undefined)
        for (const fault of scheduleFaults(job, options.schedule)) say(`the job ${job.name}: ${fault}`);
    }
  }
  const names = new Set<string>();
  for (const { name } of services) {
    if (names.has(name)) faults.push(`${name}: there are two services of this name.`);
    if (!/^[a-z][a-z0-9-]{0,40}$/.test(name))
      faults.push(`${name}: a service's name is lower case letters, digits and "-", and at most 41 characters.`);
    names.add(name);
  }
  return faults;
}

/** Throws one error that lists every fault. */
export function refuseFaults(faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new Error(`The services cannot start:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`);
}

/** Names that a scope or resources may not take; checked when they are first built. */
export function clashes(given: object): readonly string[] {
  return Object.keys(given).filter((name) => (reservedNames as readonly string[]).includes(name)); // Proof: widening a tuple of literals for `includes`.
}

const nameOf = (
  handler: Pick<Route, "kind" | "endpoint"> | Pick<Consumer, "kind" | "event"> | Pick<JobHandler, "kind" | "job">,
) =>
  handler.kind === "route"
    ? handler.endpoint.route
    : handler.kind === "consumer"
      ? handler.event.name
      : handler.job.name;

function describe(contract: Service["contracts"][number]): string {
  return contract.kind === "endpoint" ? contract.route : contract.kind === "event" ? contract.name : contract.code;
}
