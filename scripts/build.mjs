/**
 * Builds kit/dist. Incremental, so that a second build (npm pack runs one) writes nothing while tests read the files;
 * and it removes what an earlier build made of a source that is gone, so that it is never packed.
 *
 * Plain JavaScript: whoever only wants to use the kit from a clone may have Node 20.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

if (process.argv.includes("--help")) {
  console.log(
    "usage: node scripts/build.mjs\n\nCompiles kit/src into kit/dist (ES modules and their types).",
  );
  process.exit(0);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "kit", "dist");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
if (!existsSync(tsc)) {
  console.error("error: TypeScript is not installed\n  next: npm ci");
  process.exit(1);
}

const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "kit", "tsconfig.build.json")], {
  stdio: "inherit",
});
for (const file of existsSync(dist) ? readdirSync(dist, { recursive: true }) : []) {
  const source = file.replace(/\.(d\.ts|js)$/, ".ts");
  if (source !== file && !existsSync(join(root, "kit", "src", source))) rmSync(join(dist, file));
}
process.exit(status ?? 1);
