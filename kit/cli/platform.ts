import { mkdirSync } from "node:fs";
import path from "node:path";
import { developmentKeys, verifier } from "../access/index.ts";
import { embeddedBroker } from "../brokers/index.ts";
import { t } from "../contract/index.ts";
import { frontDoor, serveHttp, type FrontDoor, type HttpServer } from "../http/index.ts";
import { configTable, loadConfig, plantedFaults, systemRuntime } from "../runtime/index.ts";
import type { Service } from "../service/index.ts";
import { logger, type Logger } from "../telemetry/index.ts";
import { startSystem, type RunningSystem } from "../topology/index.ts";

/** Settings of the process. */
export const settings = {
  data: t.String({ default: "./.holdfast", minLength: 1, description: "the folder where everything is kept" }),
  host: t.String({ default: "127.0.0.1", description: "the address to listen on" }),
  port: t.Integer({ default: 8080, minimum: 0, maximum: 65_535, description: "the front door; 0 takes a free port" }),
  servicePort: t.Integer({
    default: 8101,
    minimum: 0,
    maximum: 65_535,
    description: "the first service's port; 0 takes free ports",
  }),
  logLevel: t.Union(
    [t.Literal("debug"), t.Literal("info"), t.Literal("warn"), t.Literal("error"), t.Literal("critical")],
    { default: "info", description: "debug, info, warn, error or critical" },
  ),
  logFormat: t.Union([t.Literal("pretty"), t.Literal("json")], { default: "pretty", description: "pretty or json" }),
  showConfig: t.Boolean({ default: false, description: "print every setting and where it was set" }),
};

/** Names of the environment that are not settings: crash rigs and tests use them. */
const known = [
  "HOLDFAST_FAULT",
  "HOLDFAST_FAULT_FAIL",
  "HOLDFAST_FAULT_REPORT",
  "HOLDFAST_TEST_POSTGRES",
  "HOLDFAST_REQUIRE_ENGINES",
];

export interface PlatformOptions {
  /** Systems by name, each a list of services. */
  readonly systems: Readonly<Record<string, readonly Service[]>>;
  /** Arguments: names of systems or services, and flags. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Platform {
  readonly url: string;
  readonly servers: readonly HttpServer[];
  readonly system: RunningSystem;
  stop(ms: number): Promise<void>;
}

interface Settled {
  readonly data: string;
  readonly host: string;
  readonly port: number;
  readonly servicePort: number;
  readonly logLevel: Parameters<typeof logger>[0]["level"];
  readonly logFormat: "pretty" | "json";
  readonly showConfig: boolean;
}

/** Starts the named systems and services, or all, in this process. */
export async function startPlatform({ systems, args, env }: PlatformOptions): Promise<Platform> {
  const services = choose(
    systems,
    args.filter((arg) => !arg.startsWith("--")),
  );
  const config = loadConfig(
    [{ name: "", fields: settings }, ...services.map(({ name, spec }) => ({ name, fields: spec.config }))],
    {
      env,
      flags: args.filter((arg) => arg.startsWith("--")),
      known,
    },
  );
  // Proof: validated against `settings`, which has these fields.
  const own = config.section("") as unknown as Settled;
  const log = logger({ level: own.logLevel, format: own.logFormat });
  if (own.showConfig) process.stdout.write(`${configTable(config)}\n`);
  const data = path.resolve(own.data);
  mkdirSync(data, { recursive: true });
  const faults = plantedFaults(env, () => Math.random());
  const runtime = systemRuntime(faults === undefined ? {} : { faults });
  const broker = await embeddedBroker({
    file: path.join(data, "broker.db"),
    durability: "full",
    runtime,
    log,
    onFatal: (error) => die(log, error),
  });
  const system = await startSystem(services, {
    runtime,
    log,
    broker,
    data,
    storeUrl: `sqlite:${data}`,
    durability: "full",
    config: ({ name }) => config.section(name),
    onFatal: (error) => die(log, error),
    foreignEvents: Object.values(systems)
      .flat()
      .flatMap(({ contracts }) => contracts.flatMap((contract) => (contract.kind === "event" ? [contract.name] : []))),
  });
  const keys = await developmentKeys(data);
  const verify = verifier({ keys: keys.jwks, clock: runtime.clock });
  const servers: HttpServer[] = [];
  let door: FrontDoor | undefined;
  const stop = async (ms: number) => {
    await Promise.all([...servers.map((server) => server.close(ms)), ...(door === undefined ? [] : [door.close(ms)])]);
    await system.stop(ms);
  };
  try {
    for (const [at, service] of system.services.entries()) {
      servers.push(
        await serveHttp({
          service,
          port: own.servicePort === 0 ? 0 : own.servicePort + at,
          host: own.host,
          verify,
          runtime,
          log,
        }),
      );
    }
    door = await frontDoor({ services: servers, port: own.port, host: own.host, runtime });
  } catch (error) {
    await stop(0);
    throw error;
  }
  return { url: door.url, servers, system, stop };
}

function choose(systems: PlatformOptions["systems"], names: readonly string[]): readonly Service[] {
  const all = Object.values(systems).flat();
  if (names.length === 0) return [...new Set(all)];
  const chosen = names.flatMap((name) => {
    const found = systems[name] ?? all.filter((service) => service.name === name);
    if (found.length === 0)
      throw new Error(
        `There is no system or service "${name}"; there are: ${[...Object.keys(systems), ...all.map((service) => service.name)].join(", ")}.`,
      );
    return found;
  });
  return [...new Set(chosen)];
}

/** After a failed sync nothing that this process believes of its store can be trusted: a restart reads what is really there. */
function die(log: Logger, error: unknown): void {
  log.critical("the store failed at a commit; the process ends", { error });
  process.exit(70);
}
