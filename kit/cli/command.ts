import { Refusal } from "./refusal.ts";
import { newMigration } from "./new-migration.ts";
import { kitVersion, newProject } from "./new-project.ts";

const usage = `Usage: holdfast <command>

  new project <folder>              makes a project in a new or empty folder: two services and their tests, to begin with
  new migration <service> <about>   writes the next migration of a service's folder, from its tables.ts; about: add-author
  --version, --help`;

export interface Surroundings {
  /** The folder that relative ones are relative to. */
  readonly cwd: string;
  say(text: string): void;
  complain(text: string): void;
}

/** What `holdfast …` does. Resolves to its exit code: 1 where what was asked for cannot be done, 2 where it is not understood. */
export async function command(args: readonly string[], { cwd, say, complain }: Surroundings): Promise<number> {
  const misunderstood = (why: string): number => {
    complain(`${why}\n\n${usage}`);
    return 2;
  };
  if (args.length === 0) return misunderstood("Say what to do.");
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    say(usage);
    return 0;
  }
  if (args[0] === "--version") {
    say(await kitVersion());
    return 0;
  }
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined) return misunderstood(`There is no option ${option}.`);
  const [verb, what, ...rest] = args;
  const [first, second] = rest;
  try {
    if (verb === "new" && what === "project" && first !== undefined && rest.length === 1)
      say(await newProject(cwd, first));
    else if (verb === "new" && what === "migration" && first !== undefined && second !== undefined && rest.length === 2)
      say(await newMigration(cwd, { service: first, about: second }));
    else return misunderstood(whyNot(args));
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.message);
    return 1;
  }
}

function whyNot([verb, what, ...rest]: readonly string[]): string {
  if (verb !== "new") return `There is no command "${verb ?? ""}".`;
  if (what === "project")
    return rest.length === 0 ? "Say in which folder: new project ./my-shop" : "new project takes one folder.";
  if (what === "migration") return "new migration takes a service's folder and what it is about.";
  return what === undefined ? "Say what is new: a project or a migration." : `There is no new "${what}".`;
}
