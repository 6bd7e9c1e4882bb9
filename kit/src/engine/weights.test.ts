import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { canonicalOpset, type Graph, node } from "../onnx/graph.ts";
import { float32, type Tensor } from "../onnx/tensor.ts";
import { writeOnnx } from "../onnx/write.ts";
import { openEngine } from "./node.ts";
import { createWeights } from "./weights.ts";

const parent = mkdtempSync(join(tmpdir(), "xai-kit-weights-test-"));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** 40 MB of weights: 3162² values. */
const side = 3162;
const values = (seed: number) =>
  float32(
    [side, side],
    Float32Array.from({ length: side * side }, (_, i) => (((i * 7 + seed) % 13) - 6) / 100),
  );

/** y = x·w + b, with w [3162, 3162]. */
const product = (w: Tensor): Graph => ({
  name: "product",
  opsets: { "": canonicalOpset },
  inputs: [{ name: "x", type: "float32", dims: ["N", side] }],
  outputs: [{ name: "y", type: "float32", dims: ["N", side] }],
  nodes: [node("MatMul", ["x", "w"], ["p"]), node("Add", ["p", "b"], ["y"])],
  initializers: new Map([
    ["w", w],
    ["b", float32([side], new Float32Array(side).fill(0.5))],
  ]),
});

describe("weights in files", () => {
  const w = values(0);

  it("are written once per tensor, for this user alone, and go with their folder", () => {
    const weights = createWeights(parent);
    const stored = weights.store(product(w))!;
    const place = stored.place(w)!;
    const path = join(stored.folder, place.location);
    const found = new Float32Array(readFileSync(path).buffer, place.offset, w.data.length);
    expect(found.every((v, i) => v === w.data[i])).toBe(true);
    if (process.platform !== "win32") {
      expect(statSync(path).mode & 0o77).toBe(0);
      expect(statSync(stored.folder).mode & 0o77).toBe(0);
    }
    // another graph over the same tensor, and one with a second tensor
    const renamed = { ...product(w), name: "again" };
    expect(weights.store(renamed)!.place(w)).toBe(place);
    expect(readdirSync(stored.folder)).toEqual(["0.bin"]);
    expect(weights.store(product(values(1)))!.folder).toBe(stored.folder);
    expect(readdirSync(stored.folder)).toEqual(["0.bin", "1.bin"]);
    weights.release();
    expect(existsSync(stored.folder)).toBe(false);
  });

  it("name large tensors only, and those of small graphs not at all", () => {
    const weights = createWeights(parent);
    const graph = product(w);
    const { place } = weights.store(graph)!;
    expect(place(graph.initializers.get("b")!)).toBeUndefined();
    expect(writeOnnx(graph, { outside: place }).length).toBeLessThan(20_000);
    const small = { ...graph, initializers: new Map([...graph.initializers].slice(1)) };
    expect(weights.store(small)).toBeUndefined();
    weights.release();
  });

  it("of a process that was killed go when the next one makes its own", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    const left = join(parent, `xai-kit-weights-${child.pid}-aB3dE6`);
    const others = [
      join(parent, `xai-kit-weights-${process.ppid}-aB3dE6`),
      join(parent, "xai-kit-weights-x"),
    ];
    for (const folder of [left, ...others]) mkdirSync(folder);
    const weights = createWeights(parent);
    weights.store(product(w));
    expect(existsSync(left)).toBe(false);
    for (const folder of others) expect(existsSync(folder)).toBe(true);
    weights.release();
  });

  it("are not wanted where nothing can be written", () => {
    const file = join(parent, "a-file");
    writeFileSync(file, "");
    const weights = createWeights(file);
    expect(weights.store(product(w))).toBeUndefined();
    weights.release();
  });

  it("give the numbers that weights in the message give", async () => {
    const ours = () => readdirSync(tmpdir()).filter((n) => n.startsWith(`xai-kit-weights-${process.pid}-`));
    const { engine } = await openEngine({ device: "cpu", threads: 1 });
    const { engine: wasm } = await openEngine({ device: "wasm" });
    const run = async (load: typeof engine.load) => {
      const executable = await load(product(w));
      const x = float32(
        [2, side],
        Float32Array.from({ length: 2 * side }, (_, i) => Math.sin(i)),
      );
      const { y } = await executable.run({ x }, ["y"]);
      await executable.release();
      return [...(y.data as Float32Array)];
    };
    try {
      const found = await run(engine.load);
      expect(ours()).toHaveLength(1);
      const told = await run(wasm.load); // in the message: wasm sees no files
      expect(Math.max(...found.map((v, i) => Math.abs(v - told[i])))).toBeLessThan(1e-3);
    } finally {
      await engine.close();
      await wasm.close();
    }
    expect(ours()).toEqual([]);
  });
});
