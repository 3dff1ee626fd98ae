#!/usr/bin/env node
import { nodeFault } from "./node-fault.ts";

const fault = nodeFault(process.versions.node);
if (fault !== undefined) {
  process.stderr.write(`${fault}\n`);
  process.exitCode = 1;
} else {
  // Only now: an older Node cannot load it.
  const { command } = await import("./command.ts");
  process.exitCode = await command(process.argv.slice(2), {
    cwd: process.cwd(),
    say: (text) => process.stdout.write(`${text}\n`),
    complain: (text) => process.stderr.write(`${text}\n`),
  });
}
