// Runs after `npm ci` and `npm install` (the `prepare` script), on whatever Node installs. Points git at .githooks, but only
// in a git checkout whose hooks nobody has set already; whatever goes wrong, the installation goes on.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const git = (...args) =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

try {
  if (existsSync(new URL("../.git", import.meta.url)) && !process.env.CI) {
    let current = "";
    try {
      current = git("config", "--get", "core.hooksPath");
    } catch {
      // `git config --get` ends with 1 when the key is not set.
    }
    if (current === "") git("config", "core.hooksPath", ".githooks");
  }
} catch {
  // No git, or a checkout that may not be written to: hooks are a convenience.
}
