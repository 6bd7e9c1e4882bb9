#!/usr/bin/env node
// Committed and thin: npm links a bin only if its file exists at install time, and dist/ does not exist yet in a fresh clone.
import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  process.stderr.write("error: xai-kit is not built\n  next: npm run build\n");
  process.exitCode = 1;
}
