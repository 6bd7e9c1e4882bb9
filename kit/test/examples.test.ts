/** The examples run, and say what they promise. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseNpy } from "../src/datasets/readers/npy.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { spawned } from "./run-cli.ts";
import { commandsIn, fences } from "./shell.ts";
import { cnn, saveArray, saveFolder, saveModel, savePicture, standardNormal, uniform } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-examples-"));
const examples = fileURLToPath(new URL("../examples/", import.meta.url));
const entry = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

beforeAll(async () => {
  saveModel(join(dir, "model.onnx"), cnn());
  await savePicture(join(dir, "picture.png"));
  await saveFolder(join(dir, "photos"));
  saveArray(join(dir, "x.npy"), uniform("x", 3, 16, 16));
  saveArray(join(dir, "normalised.npy"), standardNormal("x", 3, 16, 16));
  saveArray(join(dir, "noise.npy"), standardNormal("noise", 4, 3, 16, 16));
  saveArray(join(dir, "mask.npy"), float32([16, 16], new Float32Array(256).fill(1)));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function example(name: string, ...args: string[]): string {
  const env = { ...process.env, NODE_NO_WARNINGS: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [examples + name, ...args], {
    cwd: dir,
    env,
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

describe("examples", () => {
  it("explain-image.ts: integrated gradients add up", () => {
    const [, difference, sum] = /= (\S+), the map sums to (\S+)/.exec(
      example("explain-image.ts", "model.onnx", "picture.png"),
    )!;
    expect(Math.abs(Number(difference))).toBeGreaterThan(0.1);
    expect(Number(sum)).toBeCloseTo(Number(difference), 2);
  });

  it("custom-method.ts: scores a method of one's own beside others", () => {
    const lines = example("custom-method.ts", "model.onnx", "picture.png").trim().split("\n");
    expect(lines.map((line) => line.split(":")[0])).toEqual(["two-scales", "saliency", "random"]);
    for (const line of lines) expect(line).toMatch(/: deletion-auc 0\.\d+ \(lower is better\)$/);
  });

  it("evaluate-folder.ts: classification and six cells", () => {
    const lines = example("evaluate-folder.ts", "model.onnx", "photos").trim().split("\n");
    expect(lines).toHaveLength(7);
    expect(lines[0]).toMatch(/^accuracy \d\.\d{3} on 12 images$/);
    expect(lines.filter((line) => /pointing-game \d\.\d{3} \(n = 6\)$/.test(line))).toHaveLength(2);
  });
});

describe("from-python.md", () => {
  const text = readFileSync(`${examples}from-python.md`, "utf8");

  it("its commands work", () => {
    const commands = fences(text, "sh").flatMap(commandsIn);
    expect(commands).toHaveLength(5);
    for (const argv of commands) {
      const { code, err } = spawned(argv, { cwd: dir });
      expect({ argv, code, err: code === 0 ? "" : err }).toEqual({ argv, code: 0, err: "" });
    }
    for (const name of ["a.npy", "s.npy"]) {
      expect(parseNpy(readFileSync(join(dir, name)), name).dims).toEqual([3, 16, 16]);
    }
  });

  it("its Python works", ({ skip }) => {
    if (spawnSync("python3", ["-c", "import numpy"]).status !== 0) skip("needs python3 with numpy");
    const [program] = fences(text, "python");
    const { status, stdout, stderr } = spawnSync("python3", ["-c", program], {
      cwd: dir,
      env: { ...process.env, XAI_KIT: `${process.execPath} ${entry}` },
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [shape, own, noise] = stdout.trim().split("\n");
    expect(shape).toMatch(/^\(4, 3, 16, 16\) for classes \[\d, \d, \d, \d\]$/);
    for (const line of [own, noise]) expect(line).toMatch(/insertion-auc 0\.\d+ \[(0\.\d+(, )?){4}\]$/);
  });
});

describe("pytorch/export.py", () => {
  it("makes a model and a card that the kit takes", ({ skip }) => {
    if (spawnSync("python3", ["-c", "import torch"]).status !== 0) skip("needs python3 with torch");
    const python = (...args: string[]) =>
      spawnSync("python3", args, {
        cwd: dir,
        env: { ...process.env, PYTHONPATH: `${examples}pytorch` },
        encoding: "utf8",
      });
    const save = 'import torch; from net import Net; torch.save(Net(4).state_dict(), "untrained.pt")';
    expect(python("-c", save)).toMatchObject({ status: 0 });
    const exported = python(`${examples}pytorch/export.py`, "untrained.pt", "net");
    expect(exported).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^net\.onnx: [\d,]+ parameters, 4 classes\n$/),
    });
    const argv = [
      "explain",
      "picture.png",
      "--model",
      "net.onnx",
      "--method",
      "grad-cam",
      "--out",
      "net.png",
    ];
    const { code, err } = spawned(argv, { cwd: dir });
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
  });
});
