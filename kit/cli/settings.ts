import path from "node:path";
import type { SigningKeys } from "../access/index.ts";
import { t } from "../contract/index.ts";
import type { CallLimits } from "../calls/index.ts";
import { allowsHost, type AllowsHost } from "../http/index.ts";
import {
  ConfigError,
  developmentDefault,
  isLoopback,
  loadConfig,
  productionSwitch,
  secret,
  type LoadedConfig,
  type ProductionSwitch,
} from "../runtime/index.ts";
import { configSection, type Service } from "../service/index.ts";
import type { Level } from "../telemetry/index.ts";
import { addressFaults } from "./address-faults.ts";
import { portsOf, type ServicePort } from "./ports.ts";

/** Settings of the process. */
export const settings = {
  data: t.String({ default: "./.holdfast", minLength: 1, description: "the folder where everything is kept" }),
  store: secret(
    t.String({
      default: "embedded",
      pattern: "^(embedded|postgres(ql)?://.+)$",
      description: "where tables are: embedded, or postgres://user:password@host:port/database",
    }),
  ),
  documents: secret(
    t.String({
      default: "embedded",
      pattern: "^(embedded|mongodb(\\+srv)?://.+)$",
      description: "where documents are: embedded, or mongodb://user:password@host:port",
    }),
  ),
  host: t.String({ default: "127.0.0.1", description: "the address to listen on" }),
  port: t.Integer({ default: 8080, minimum: 0, maximum: 65_535, description: "the front door; 0 takes a free port" }),
  trustProxy: t.Optional(
    t.String({
      minLength: 1,
      description:
        "addresses of proxies in front of this one, whose X-Forwarded-For, -Host and -Proto are believed: loopback, or addresses and networks such as 10.0.0.0/8, separated by commas. Without, nobody's are",
    }),
  ),
  allowedHosts: t.Optional(
    t.String({
      pattern: "^[\\w.*-]+( *, *[\\w.*-]+)*$",
      description:
        "Host headers that are answered besides localhost, loopback addresses and the host itself, separated by commas: shop.test, *.shop.test for all below it, or * for any. Default: none, in production any",
    }),
  ),
  servicePort: t.Optional(
    t.Integer({
      minimum: 0,
      maximum: 65_535,
      description:
        "the first service's port, upwards from which the others follow; 0 takes free ports. Without, 8101, but for services that are started by name and are known by a port of their own",
    }),
  ),
  jwks: t.Optional(
    t.String({
      pattern: "^https?://.+$",
      description:
        "address of the key set (JWKS) that verifies tokens. Default: the development key in the data folder; required in production",
    }),
  ),
  processes: t.Boolean({ default: false, description: "a process for each service, restarted when it ends" }),
  logLevel: t.Union(
    [t.Literal("debug"), t.Literal("info"), t.Literal("warn"), t.Literal("error"), t.Literal("critical")],
    { default: "info", description: "debug, info, warn, error or critical" },
  ),
  logFormat: t.Optional(
    t.Union([t.Literal("pretty"), t.Literal("json")], {
      description:
        "format of the console's log: pretty or json. Default: pretty, in production json. Colours on a terminal unless NO_COLOR is set",
    }),
  ),
  logs: t.Optional(
    t.String({
      minLength: 1,
      description:
        "the folder of the log files, lines of JSON: for each service one (orders.log), and one of error and critical alone (orders_errors.log); or off. Without, logs in the data folder",
    }),
  ),
  logFileBytes: t.Integer({
    default: 10_000_000,
    minimum: 1_000,
    description: "a log file that would become larger is put aside, and a new one begun",
  }),
  logFilesKept: t.Integer({
    default: 4,
    minimum: 0,
    maximum: 10_000,
    description: "how many log files put aside are kept of each; the oldest go",
  }),
  otlp: t.Optional(
    t.String({
      pattern: "^https?://.+$",
      description:
        "the OpenTelemetry collector that takes traces, such as http://localhost:4318; without, nothing is traced",
    }),
  ),
  traceRatio: t.Number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description:
      "the share of traces that is recorded, of those that begin here; a traceparent brings the decision along",
  }),
  openPages: developmentDefault(
    t.Boolean({
      default: true,
      description:
        "whether anyone may read /docs, /openapi.json, /metrics and why a health check fails; otherwise operators only",
    }),
    { production: false },
  ),
  seed: developmentDefault(
    t.Boolean({ default: true, description: "fill an empty store with sample data; refused in production" }),
    { production: false },
  ),
  showConfig: t.Boolean({ default: false, description: "print every setting and where it was set" }),
};

/** Their values. */
export interface ProcessSettings {
  readonly data: string;
  readonly store: string;
  readonly documents: string;
  readonly host: string;
  readonly port: number;
  readonly trustProxy: string | undefined;
  /** Whether a Host header is answered; undefined: all are. */
  readonly allowsHost: AllowsHost | undefined;
  readonly servicePort: number | undefined;
  readonly jwks: string | undefined;
  readonly processes: boolean;
  readonly logLevel: Level;
  readonly logFormat: "pretty" | "json";
  /** A folder. */
  readonly logs: string | undefined;
  readonly logFileBytes: number;
  readonly logFilesKept: number;
  readonly otlp: string | undefined;
  readonly traceRatio: number;
  readonly openPages: boolean;
  readonly seed: boolean;
  /** From `PRODUCTION` and `NODE_ENV`, see `productionSwitch`. */
  readonly production: boolean;
  readonly showConfig: boolean;
}

/** The settings as they were set. */
interface GivenSettings extends Omit<ProcessSettings, "allowsHost" | "logFormat"> {
  readonly allowedHosts?: string;
  readonly logFormat?: ProcessSettings["logFormat"];
}

/** Names of the environment that are not settings: crash rigs, tests and the kit's own child processes use them. */
export const otherNames = [
  "HOLDFAST_FAULT",
  "HOLDFAST_FAULT_FAIL",
  "HOLDFAST_FAULT_REPORT",
  "HOLDFAST_FAULT_SERVICE",
  "HOLDFAST_CHILD",
  "HOLDFAST_GENERATION",
  "HOLDFAST_TEST_POSTGRES",
  "HOLDFAST_TEST_MONGODB",
  "HOLDFAST_TEST_STRIPE",
  "HOLDFAST_REQUIRE_ENGINES",
];

export interface PlatformOptions {
  /** Systems by name, each a list of services; a service may be in several. */
  readonly systems: Readonly<Record<string, readonly Service[]>>;
  /** Arguments: names of systems or services, and flags. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The ports that services are known by, by their names: theirs where services are started by name. @default none */
  readonly ports?: Readonly<Record<string, number>>;
  /** Of calls between services. @default `callLimits` of `holdfast/calls` */
  readonly callLimits?: Partial<CallLimits>;
  /** Fills an empty platform in development; told where it is, and how an operator is named there. */
  readonly seed?: (at: Whereabouts & { readonly token: string }) => Promise<void>;
  /** A command to try first, shown when it is ready; told where the platform is. @default none is shown */
  readonly example?: Example;
}

/** Where a platform is. */
export interface Whereabouts {
  /** The front door. */
  readonly url: string;
  readonly addresses: readonly Address[];
}
export interface Address {
  readonly name: string;
  readonly url: string;
  /** Who has the port that the service would have otherwise. */
  readonly takenBy?: ServicePort["takenBy"];
}
export type Example = (at: Whereabouts) => string | undefined;

export interface Platform extends Whereabouts {
  /** The development key; undefined where tokens are verified by the keys of an address. */
  readonly keys: SigningKeys | undefined;
  stop(ms: number): Promise<void>;
}

export interface Chosen {
  readonly services: readonly Service[];
  readonly config: LoadedConfig;
  readonly own: ProcessSettings;
  /** Of the services, in their order. */
  readonly ports: readonly ServicePort[];
}

/** The named systems and services, or all, and their settings; throws what is wrong with either. */
export function chosen({ systems, args, env, ports: known = {} }: PlatformOptions): Chosen {
  const names = args.filter((arg) => !arg.startsWith("--"));
  const services = choose(systems, names);
  const mode = productionSwitch(env);
  const { production } = mode;
  const loaded = loadConfig([{ name: "", fields: settings }, ...services.map(configSection)], {
    env: forChosen(env, systems, services),
    flags: args.filter((arg) => arg.startsWith("--")),
    known: otherNames,
    production,
  });
  const config: LoadedConfig = {
    ...loaded,
    settings: [{ name: "production", from: mode.from, value: String(production) }, ...loaded.settings],
  };
  // Proof: validated against `settings`, which has these fields.
  const set = config.section("") as unknown as GivenSettings;
  const own: ProcessSettings = {
    ...set,
    production,
    allowsHost:
      production && set.allowedHosts === undefined
        ? undefined
        : allowsHost({ host: set.host, names: (set.allowedHosts ?? "").split(",") }),
    logFormat: set.logFormat ?? (production ? "json" : "pretty"),
    logs: set.logs === "off" ? undefined : path.resolve(set.logs ?? path.join(set.data, "logs")),
  };
  const faults = [...addressFaults(own), ...unsafeFaults(own, mode, env)];
  if (faults.length > 0) throw new ConfigError(faults);
  if (own.jwks !== undefined && !URL.canParse(own.jwks)) throw new ConfigError(["--jwks is no address."]);
  if (own.jwks !== undefined && new URL(own.jwks).username + new URL(own.jwks).password !== "")
    throw new ConfigError([
      "--jwks names a user: keys that verify tokens are public, and are asked for without credentials.",
    ]);
  if (own.otlp !== undefined && !URL.canParse(own.otlp)) throw new ConfigError(["--otlp is no address."]);
  if (own.otlp !== undefined && new URL(own.otlp).username + new URL(own.otlp).password !== "")
    throw new ConfigError(["--otlp names a user: credentials go into OTEL_EXPORTER_OTLP_HEADERS."]);
  const named = names.length > 0;
  const ports = portsOf({ services, known, named, first: own.servicePort, door: own.port });
  return { services, config, own, ports };
}

/** What is fine on a developer's machine and dangerous where others can reach it. */
function unsafeFaults(
  { host, jwks, seed, production }: ProcessSettings,
  { from }: ProductionSwitch,
  env: PlatformOptions["env"],
): readonly string[] {
  const faults: string[] = [];
  if (from === "default" && !isLoopback(host))
    faults.push(
      `--host=${host} can be reached from other machines. Set PRODUCTION=true, or PRODUCTION=false to show captured mail and development pages to all of them.`,
    );
  if (!production) return faults;
  if (jwks === undefined)
    faults.push("HOLDFAST_JWKS (or --jwks) is not set: in production the development key signs no tokens.");
  if (seed) faults.push("--seed is on: sample data is for development only.");
  for (const name of Object.keys(env))
    if (name.startsWith("HOLDFAST_FAULT")) faults.push(`${name} is set: faults are not planted in production.`);
  return faults;
}

/** The addresses that are shown, in the order of the ports. */
export const addressesOf = (
  ports: readonly ServicePort[],
  urlOf: (name: string, at: number) => string | undefined,
): readonly Address[] =>
  ports.map(({ name, takenBy }, at) => ({
    name,
    url: urlOf(name, at) ?? "",
    ...(takenBy === undefined ? {} : { takenBy }),
  }));

/** Settings of services that were not chosen are nobody's business here. */
function forChosen(
  env: PlatformOptions["env"],
  systems: PlatformOptions["systems"],
  services: readonly Service[],
): PlatformOptions["env"] {
  const others = Object.values(systems)
    .flat()
    .filter((service) => !services.includes(service))
    .map(({ name }) => `HOLDFAST_${name.replaceAll("-", "_").toUpperCase()}_`);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !others.some((prefix) => name.startsWith(prefix))));
}

function choose(systems: PlatformOptions["systems"], names: readonly string[]): readonly Service[] {
  const all = Object.values(systems).flat();
  if (names.length === 0) return [...new Set(all)];
  const found = names.flatMap((name) => {
    const services = systems[name] ?? all.filter((service) => service.name === name);
    if (services.length === 0)
      throw new Error(
        `There is no system or service "${name}"; there are: ${[...Object.keys(systems), ...new Set(all.map((service) => service.name))].join(", ")}.`,
      );
    return services;
  });
  return [...new Set(found)];
}
