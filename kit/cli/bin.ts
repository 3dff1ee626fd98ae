#!/usr/bin/env node
import { command } from "./command.ts";

process.exitCode = await command(process.argv.slice(2), {
  cwd: process.cwd(),
  say: (text) => process.stdout.write(`${text}\n`),
  complain: (text) => process.stderr.write(`${text}\n`),
});
