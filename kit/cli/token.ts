import path from "node:path";
import { developmentKeys, mintToken } from "../access/index.ts";
import { productionSwitch, systemRuntime } from "../runtime/index.ts";

/** Mints a token of the development key: `token <user> [role …]`, or `token service:<name>`. Prints it and nothing else. */
export async function token(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const [subject, ...roles] = args;
  if (subject === undefined) throw new Error("Say for whom: token <user> [role …], or token service:<name>.");
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined)
    throw new Error(`token takes no option, such as ${option}: HOLDFAST_DATA names the folder whose key signs.`);
  if (productionSwitch(env).production)
    throw new Error("The development key signs no tokens in production: ask the issuer behind HOLDFAST_JWKS.");
  const { clock } = systemRuntime();
  const keys = await developmentKeys(path.resolve(env["HOLDFAST_DATA"] ?? "./.holdfast"));
  const caller = subject.startsWith("service:")
    ? ({ kind: "service", name: subject.slice("service:".length) } as const)
    : ({ kind: "user", id: subject, roles } as const);
  process.stdout.write(`${await mintToken(keys, { caller, clock })}\n`);
}
