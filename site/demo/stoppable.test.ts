import { describe, expect, it } from "vitest";
import type { Engine } from "../../kit/src/engine/engine.ts";
import type { Graph } from "../../kit/src/onnx/graph.ts";
import { float32 } from "../../kit/src/onnx/tensor.ts";
import { Stopped, stoppable } from "./stoppable.ts";

const graph = {} as Graph;
const images = float32([3, 1, 1, 1], [1, 2, 3]);
const seeds = float32([3, 2], new Float32Array(6));

/** A clock that only loading moves. */
function setUp() {
  let time = 0;
  let runs = 0;
  const turns: (() => void)[] = [];
  const passes: number[] = [];
  const engine: Engine = {
    info: { id: "fake", package: "none", version: "0", provider: "wasm", threads: 1 },
    async load() {
      time += 70;
      return {
        async run() {
          runs++;
          return {};
        },
        release: async () => undefined,
      };
    },
    close: async () => undefined,
  };
  const made = stoppable(engine, {
    now: () => time,
    turn: async () => turns.shift()?.(),
    onRun: (n) => passes.push(n),
  });
  return { made, turns, passes, runs: () => runs };
}

describe("stoppable", () => {
  it("counts a pass per image, and two where the class to explain goes in too", async () => {
    const { made, passes } = setUp();
    const executable = await made.engine.load(graph);
    await executable.run({ x: images }, []);
    await executable.run({ x: images, seed: seeds }, []);
    expect(passes).toEqual([3, 6]);
  });

  it("knows the time that loading took", async () => {
    const { made } = setUp();
    await made.engine.load(graph);
    await made.engine.load(graph);
    expect(made.loading).toBe(140);
  });

  it("gives waiting messages a turn before each run, and runs no more after a stop among them", async () => {
    const { made, turns, runs } = setUp();
    const executable = await made.engine.load(graph);
    await executable.run({ x: images }, []);
    turns.push(() => made.stop());
    await expect(executable.run({ x: images }, [])).rejects.toThrow(Stopped);
    expect(runs()).toBe(1);
    await expect(made.engine.load(graph)).rejects.toThrow(Stopped);
    made.go();
    await executable.run({ x: images }, []);
    expect(runs()).toBe(2);
  });
});
