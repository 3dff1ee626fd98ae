import type { TSchema } from "typebox";
import { mediaTypesOf } from "./bytes.ts";
import { pathNames, replySpec, type Contract, type Endpoint, type JobContract } from "./contracts.ts";
import { jsonSchema, schemaFaults } from "./json-schema.ts";
import { reservedMembers } from "./problem.ts";

/** What is wrong with a contract beyond what types can say, as sentences. */
export function contractFaults(contract: Contract | JobContract): readonly string[] {
  if (contract.kind === "endpoint") return endpointFaults(contract);
  const faults: string[] = [];
  if (contract.kind === "event" || contract.kind === "job") {
    const say = (fault: string) => faults.push(`${contract.name}: ${fault}`);
    for (const fault of schemaFaults(contract.data)) say(fault);
    if (!Number.isInteger(contract.version) || contract.version < 1) say("the version must be a whole number from 1.");
    if (contract.kind === "job") return faults;
    const { properties = {}, required = [] } = jsonSchema(contract.data);
    if (properties[contract.key]?.type !== "string" || !required.includes(contract.key))
      say(`the key "${contract.key}" must be a required string of the data.`);
    return faults;
  }
  const say = (fault: string) => faults.push(`${contract.code}: ${fault}`);
  if (contract.status < 400 || contract.status > 599) say("the status must be 400 to 599.");
  const { properties } = jsonSchema(contract.facts);
  if (properties === undefined) say("facts must be an object.");
  for (const name of reservedMembers)
    if (properties !== undefined && name in properties) say(`the fact "${name}" is a member that every problem has.`);
  return faults;
}

/** 2^31 - 1: of milliseconds 24 days, of bytes 2 GiB. */
const largestLimit = 2_147_483_647;

function endpointFaults({ route, method, path, spec }: Endpoint): readonly string[] {
  const faults: string[] = [];
  const say = (fault: string) => faults.push(`${route}: ${fault}`);
  const part = (name: string, schema: TSchema | undefined, object: boolean) => {
    if (schema === undefined) return;
    for (const fault of schemaFaults(schema)) say(`${name}: ${fault}`);
    if (object && jsonSchema(schema).properties === undefined) say(`${name} must be an object.`);
  };
  part("params", spec.params, true);
  part("query", spec.query, true);
  part("headers", spec.headers, true);
  const mediaTypes = mediaTypesOf(spec.body);
  if (mediaTypes === undefined) part("body", spec.body, false);
  else if (!mediaTypes.every((type) => /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(type)))
    say(`a body of bytes has media types without parameters, in lower case, not ${mediaTypes.join(", ")}.`);
  for (const [status, reply] of Object.entries(spec.replies)) {
    const { body, headers } = replySpec(reply);
    part(`reply ${status}`, body, false);
    part(`headers of reply ${status}`, headers, true);
    if (Number(status) < 200 || Number(status) > 599) say(`a reply cannot have the status ${status}.`);
    if (status === "204" && body !== undefined) say("a 204 has no body.");
  }
  for (const [name, limit] of Object.entries(spec.limits ?? {}))
    if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= largestLimit))
      say(`limits.${name} must be a whole number from 1 to ${String(largestLimit)}, not ${String(limit)}.`);
  if (Object.keys(spec.replies).length === 0) say("it has no reply.");
  if (spec.idempotent === true && method !== "POST" && method !== "PATCH")
    say(`${method} is idempotent by itself: it takes no Idempotency-Key.`);
  if (spec.body !== undefined && (method === "GET" || method === "DELETE")) say(`${method} has no body.`);
  const names = pathNames(path).toSorted();
  const declared = Object.keys(spec.params === undefined ? {} : (jsonSchema(spec.params).properties ?? {})).toSorted();
  if (spec.params !== undefined && names.join() !== declared.join())
    say(`the path names ${names.join(", ") || "nothing"}, params ${declared.join(", ") || "nothing"}.`);
  if (!/^(\/([A-Za-z0-9._~-]+|\{\w+\}))+$/.test(path))
    say("the path is segments of letters, digits, . _ ~ - or a {name}.");
  return faults;
}
