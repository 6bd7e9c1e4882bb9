/** What users get: the packed tarball, installed in an empty folder, with the native engine and without it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { encodeNpy, parseNpy } from "../src/datasets/readers/npy.ts";
import { attr, canonicalOpset, node } from "../src/onnx/graph.ts";
import { float32, toFloat32 } from "../src/onnx/tensor.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import { nodeOnPath } from "./nodes.ts";
import { cleanEnv, installKit, packKit, type Ran, runInstalled } from "./packed.ts";

const windows = process.platform === "win32";
const folder = mkdtempSync(join(tmpdir(), "xai-kit-package-"));
const full = join(folder, "full");
const lean = join(folder, "lean");

/** A linear model of the mean colour, whose gradient is known without computing it: class weight / pixels. */
const classWeights = [
  [1, 2, -4],
  [8, 0, 0.5],
];
const pixels = 8 * 8;
const expectedGradient = classWeights[1].flatMap((weight) => new Array(pixels).fill(weight / pixels));

function writeModel(app: string): void {
  const model = writeOnnx({
    name: "mean-colour",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 3, 8, 8] }],
    outputs: [{ name: "logits", type: "float32", dims: ["batch", 2] }],
    nodes: [
      node("GlobalAveragePool", ["x"], ["mean"]),
      node("Flatten", ["mean"], ["colour"]),
      node("Gemm", ["colour", "weights"], ["logits"], { transB: attr.int(1) }),
    ],
    initializers: new Map([["weights", float32([2, 3], classWeights.flat())]]),
  });
  writeFileSync(join(app, "model.onnx"), model);
  const x = float32([3, 8, 8], new Float32Array(3 * pixels).fill(0.5));
  writeFileSync(join(app, "x.npy"), encodeNpy(x));
}

function saliency(app: string, nodeBinary = process.execPath): Ran & { gradient: number[] } {
  const args = "attribute --model model.onnx --input x.npy --target 1 --method saliency --out phi.npy".split(
    " ",
  );
  const ran = runInstalled(app, args, nodeBinary);
  expect(ran).toMatchObject({ status: 0 });
  return { ...ran, gradient: [...toFloat32(parseNpy(readFileSync(join(app, "phi.npy"))))] };
}

beforeAll(() => {
  const tarball = packKit(folder);
  installKit(full, tarball);
  installKit(lean, tarball, "--omit=optional");
  for (const app of [full, lean]) writeModel(app);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the package", () => {
  it("holds the build, its papers and the bundled models, nothing else", () => {
    const installed = readdirSync(join(full, "node_modules", "xai-kit"), {
      recursive: true,
      withFileTypes: true,
    })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name).slice(join(full, "node_modules", "xai-kit").length + 1),
      )
      .map((path) => path.replaceAll("\\", "/"));
    const expected =
      /^(package\.json|README\.md|LICENSE|bin\/xai-kit\.js|dist\/[\w./-]+\.(js|d\.ts)|models\/(studies\/)?([a-z\d-]+\.(onnx|card\.json)|models\.json))$/;
    expect(installed.filter((path) => !expected.test(path) || path.includes(".test."))).toEqual([]);
    expect(installed).toEqual(
      expect.arrayContaining(["bin/xai-kit.js", "dist/cli/main.js", "LICENSE", "README.md"]),
    );
  });

  it.each(["xai-kit", "xai-kit/node", "xai-kit/web"] as const)(
    "can be imported as %s, types and all",
    (specifier) => {
      const code = `console.log(Object.keys(await import("${specifier}")).length)`;
      const names = execFileSync(process.execPath, ["--input-type=module", "-e", code], {
        cwd: full,
        encoding: "utf8",
      });
      expect(Number(names)).toBeGreaterThan(0);
      const entries = { "xai-kit": ".", "xai-kit/node": "./node", "xai-kit/web": "./web" } as const;
      const { types } = manifest.exports[entries[specifier]];
      expect(existsSync(join(full, "node_modules", "xai-kit", types))).toBe(true);
    },
  );
});

describe("the command", () => {
  it("is found by npx and shows its help on stdout", () => {
    const help = execFileSync(windows ? "npx.cmd" : "npx", ["--no-install", "xai-kit", "--help"], {
      cwd: full,
      env: cleanEnv,
      encoding: "utf8",
      shell: windows,
    });
    expect(help).toMatch(/^usage: xai-kit/im);
  });

  it("says its version", () => {
    expect(runInstalled(full, ["--version"])).toEqual({
      status: 0,
      stdout: `${manifest.version}\n`,
      stderr: "",
    });
  });

  it("prints JSON alone on stdout", () => {
    const { status, stdout } = runInstalled(full, ["list", "methods", "--json"]);
    expect(status).toBe(0);
    expect(JSON.stringify(JSON.parse(stdout))).toContain('"saliency"');
  });

  it.each([[["explode"]], [["list", "nonsense"]], [["list", "methods", "--nonsense"]]])(
    "refuses %j on stderr, without a stack trace",
    (args) => {
      const { status, stdout, stderr } = runInstalled(full, args);
      expect(status).toBeGreaterThan(0);
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^error: /);
      expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
    },
  );

  it("computes an attribution with the native engine", () => {
    const { stderr, gradient } = saliency(full);
    expect(gradient).toEqual(expectedGradient);
    expect(stderr).toMatch(/^engine: onnxruntime-node .*, cpu,/m);
  });

  it("without the native engine computes the same with WebAssembly, and says so", () => {
    expect(existsSync(join(lean, "node_modules", "onnxruntime-node"))).toBe(false);
    const { stderr, gradient } = saliency(lean);
    expect(gradient).toEqual(expectedGradient);
    expect(stderr).toMatch(/^engine: onnxruntime-web .*, wasm,/m);
    expect(stderr).toMatch(/^note: .*slower.*npm install onnxruntime-node/m);
  });

  it("computes with WebAssembly in this thread where xai-kit/web is imported", () => {
    const code = `
      import { readFileSync } from "node:fs";
      import { attribute, createProbe, float32, methodOf, openModel } from "xai-kit/web";
      const { model, engine, close } = await openModel(new Uint8Array(readFileSync("model.onnx")));
      const x = float32([3, 8, 8], new Float32Array(${3 * pixels}).fill(0.5));
      const { data } = await attribute(methodOf("saliency"), createProbe({ model, x, target: 1 }), {});
      console.log(JSON.stringify({ provider: engine.info.provider, gradient: [...data] }));
      await close();`;
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", code], {
      cwd: lean,
      encoding: "utf8",
    });
    expect(JSON.parse(printed)).toEqual({ provider: "wasm", gradient: expectedGradient });
  });

  it("without the native part of sharp says what to install", () => {
    writeFileSync(join(lean, "a.png"), Buffer.from("89504e470d0a1a0a", "hex"));
    const { status, stderr } = runInstalled(lean, [
      "explain",
      "a.png",
      "--model",
      "model.onnx",
      "--out",
      "b.png",
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^error: the image library sharp does not load .*\[E_SHARP\]\n {2}next: .*npm install/m,
    );
  });

  it("runs on the oldest Node it promises", ({ skip }) => {
    const older = nodeOnPath((major, minor) => (major === 20 && minor >= 19) || major === 22);
    if (older === undefined) {
      skip("no Node 20 or 22 on the PATH");
      return;
    }
    const { status, stdout, stderr } = runInstalled(full, ["list", "methods", "--json"], older);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(saliency(full, older).gradient).toEqual(expectedGradient);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(runInstalled(full, ["list", "methods", "--json"]).stdout));
  });
});
