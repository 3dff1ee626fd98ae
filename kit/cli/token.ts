import path from "node:path";
import { knownKeys, mintToken } from "../access/index.ts";
import { productionSwitch, systemRuntime } from "../runtime/index.ts";
import { Refusal } from "./refusal.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The command `token <user> [role …]`, or `token service:<name>`: prints a token that the development key signs, and nothing else. Makes no key: a
 * folder without one is named on the error output, with exit code 1.
 */
export async function token(args: readonly string[], env: Env): Promise<void> {
  try {
    process.stdout.write(`${await mint(args, env)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** Rejects with a sentence that says what to do. */
export async function mint(args: readonly string[], env: Env): Promise<string> {
  const [subject, ...roles] = args;
  if (subject === undefined) throw new Refusal("Say for whom: token <user> [role …], or token service:<name>.");
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined)
    throw new Refusal(`token takes no option, such as ${option}: HOLDFAST_DATA names the folder whose key signs.`);
  if (productionSwitch(env).production)
    throw new Refusal("The development key signs no tokens in production: ask the issuer behind HOLDFAST_JWKS.");
  const data = path.resolve(env["HOLDFAST_DATA"] ?? "./.holdfast");
  const keys = await knownKeys(data);
  if (keys === undefined)
    throw new Refusal(
      `There is no signing key in ${data}. Set HOLDFAST_DATA to the data folder of the running platform, or start the platform there first.`,
    );
  const { clock } = systemRuntime();
  const caller = subject.startsWith("service:")
    ? ({ kind: "service", name: subject.slice("service:".length) } as const)
    : ({ kind: "user", id: subject, roles } as const);
  return mintToken(keys, { caller, clock });
}
