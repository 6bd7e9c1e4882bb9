/** Astro, from the repository's root and without its telemetry. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { astro } from "./astro.ts";

const [command = "--help", ...rest] = process.argv.slice(2);
if (command === "--help") {
  console.log(`usage: node scripts/site.ts build|dev|preview|check [options of Astro]

XAI_RESULTS    folder with runs/ to show         (results)
XAI_SITE_BASE  path of the site on its host      (/)
XAI_SITE_URL   address of that host              (none)
XAI_SITE_OUT   where the built site goes         (dist)`);
  process.exit(0);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const given =
  command === "check" ? ["check", "--tsconfig", "site/tsconfig.json", ...rest] : [command, ...rest];
const child = spawn(process.execPath, [...astro, ...given], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, ASTRO_TELEMETRY_DISABLED: "1" },
});
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
