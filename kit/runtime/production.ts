import { ConfigError } from "./config.ts";

export interface ProductionSwitch {
  readonly production: boolean;
  /** What says so: `PRODUCTION`, `NODE_ENV`, or `default` where neither does. */
  readonly from: "PRODUCTION" | "NODE_ENV" | "default";
}

/**
 * The one switch between development and production. `PRODUCTION=true` or `false` decides; without it, `NODE_ENV=production` does, and everything else is
 * development. Throws `ConfigError` where `PRODUCTION` is something else, or says `false` while `NODE_ENV` says `production`.
 *
 * What depends on the mode reads a setting with `developmentDefault`, never the environment.
 */
export function productionSwitch(env: Readonly<Record<string, string | undefined>>): ProductionSwitch {
  const given = env["PRODUCTION"]?.trim().toLowerCase() ?? "";
  const node = env["NODE_ENV"]?.trim().toLowerCase() === "production";
  if (given === "true") return { production: true, from: "PRODUCTION" };
  if (given === "false") {
    if (node)
      throw new ConfigError([
        "PRODUCTION is false, but NODE_ENV is production. Set PRODUCTION=true, or unset NODE_ENV.",
      ]);
    return { production: false, from: "PRODUCTION" };
  }
  if (given !== "") throw new ConfigError(['PRODUCTION must be "true" or "false".']);
  return node ? { production: true, from: "NODE_ENV" } : { production: false, from: "default" };
}
