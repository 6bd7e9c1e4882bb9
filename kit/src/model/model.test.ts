import { describe, expect, it } from "vitest";
import { logitsOf, picture, smallCnn, smallModel, smallVit, wasm, weight } from "../../test/small-models.ts";
import type { Executable } from "../engine/engine.ts";
import { createPool } from "../engine/pool.ts";
import { KitError } from "../errors.ts";
import { attr, type Graph, node } from "../onnx/graph.ts";
import { int64 } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import { createModel, type Model, type Pass, type Wants } from "./model.ts";

const images = Array.from({ length: 7 }, (_, k) => picture(`image ${k}`, 3, 6, 8));
const both: Wants = { input: true, layer: true };

/** Every pass, copied: what a model hands out is a view. */
async function passesOf(model: Model, wants: Wants, count = images.length): Promise<Pass[]> {
  const found: Pass[] = [];
  await model.backward(
    count,
    wants,
    (k, out) => out.set(images[k].data),
    (k) => k % model.classes,
    (k, pass) => {
      found[k] = {
        logits: pass.logits.slice(),
        gradient: pass.gradient.slice(),
        activation: pass.activation.slice(),
        activationGradient: pass.activationGradient.slice(),
      };
    },
  );
  return found;
}

/** An engine that has no memory for more than `most` images at once, and notes what it was asked for. */
function crampedPool(most: number) {
  const batches: number[] = [];
  const load = async (graph: Graph): Promise<Executable> => {
    const executable = await wasm.load(graph);
    return {
      ...executable,
      async run(feeds, fetches) {
        const [rows] = Object.values(feeds)[0].dims;
        batches.push(rows);
        if (rows > most) throw new KitError("E_ENGINE_MEMORY", { problem: "out of memory" });
        return executable.run(feeds, fetches);
      },
    };
  };
  return { pool: createPool({ load }), batches };
}

describe("batches", () => {
  it("change no number", async () => {
    const together = smallModel(smallCnn());
    const alone = smallModel(smallCnn(), {}, { memory: 1 });
    expect(await logitsOf(alone, images)).toEqual(await logitsOf(together, images));
    expect(await passesOf(alone, both)).toEqual(await passesOf(together, both));
  });

  it("are as large as the memory allows, and at most 64", async () => {
    const { pool, batches } = crampedPool(100);
    const count = 150;
    const run = async (memory: number) => {
      batches.length = 0;
      await smallModel(smallCnn(), {}, { memory, pool, key: `${memory}` }).forward(
        count,
        (_, out) => out.set(images[0].data),
        () => {},
      );
      return [...batches];
    };
    expect(await run(1e9)).toEqual([64, 64, 22]);
    expect(await run(1)).toEqual(Array(count).fill(1));
    // 4 bytes of c and features [5,6,8] each, p and f [5], y and score [4], a quarter of it alive
    const bytes = (4 * (2 * 240 + 2 * 5 + 2 * 4)) / 4;
    expect(await run(10 * bytes)).toEqual(Array(15).fill(10));
    expect(await run(10 * bytes - 1)).toEqual([...Array(16).fill(9), 6]);
  });

  it("halve when memory runs out, remember it, and give the same numbers", async () => {
    const { pool, batches } = crampedPool(2);
    const model = smallModel(smallCnn(), {}, { pool });
    const visited: number[] = [];
    await model.forward(
      7,
      (k, out) => out.set(images[k].data),
      (k) => visited.push(k),
    );
    expect(batches).toEqual([7, 3, 1, 1, 1, 1, 1, 1, 1]);
    expect(visited).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(await logitsOf(model, images)).toEqual(await logitsOf(smallModel(smallCnn()), images));
    expect(batches.slice(9)).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(await passesOf(model, both)).toEqual(await passesOf(smallModel(smallCnn()), both));
  });

  it("of a number that was asked for are that large, whatever the budget", async () => {
    const { pool, batches } = crampedPool(100);
    const count = 100;
    const model = smallModel(smallCnn(), {}, { memory: 1, batch: 70, pool });
    await model.forward(
      count,
      (_, out) => out.set(images[0].data),
      () => {},
    );
    expect(batches).toEqual([70, 30]);
  });

  it("of two images are taken where one alone would run as two rows", async () => {
    const { pool, batches } = crampedPool(100);
    const model = smallModel(smallCnn(), {}, { memory: 1, exact: true, pool });
    expect(await logitsOf(model, images)).toHaveLength(7);
    expect(batches).toEqual([2, 2, 2, 2]);
  });

  it("of one image are two rows where numbers are to be exact, and one where two were too many", async () => {
    const { pool, batches } = crampedPool(1);
    const said: number[][] = [];
    const model = smallModel(smallCnn(), {}, { pool, exact: true, onHalved: (...sizes) => said.push(sizes) });
    expect(await logitsOf(model, images.slice(0, 3))).toHaveLength(3);
    expect(batches).toEqual([3, 1, 1, 1]);
    expect(said).toEqual([[3, 1]]);
  });

  it("of a fixed size are full whatever the budget", async () => {
    const { pool, batches } = crampedPool(100);
    const model = smallModel(smallCnn({ batch: 3, head: "reshape" }), {}, { memory: 1, pool });
    expect(await logitsOf(model, images)).toHaveLength(7);
    expect(batches).toEqual([3, 3, 3]);
  });

  it("that do not fit even alone are an error", async () => {
    const { pool } = crampedPool(0);
    await expect(logitsOf(smallModel(smallCnn(), {}, { pool }), images)).rejects.toMatchObject({
      code: "E_ENGINE_MEMORY",
    });
  });
});

describe("calls made at the same time", () => {
  /** Two callers, of one image and of three. */
  const asked = (model: Model) =>
    Promise.all([logitsOf(model, images.slice(0, 1)), logitsOf(model, images.slice(1, 4))]);

  it("share batches, and give every caller its own", async () => {
    const { pool, batches } = crampedPool(100);
    const model = smallModel(smallCnn(), {}, { pool });
    const alone = await logitsOf(smallModel(smallCnn()), images.slice(0, 4));
    expect(await asked(model)).toEqual([alone.slice(0, 1), alone.slice(1)]);
    expect(await asked(model)).toEqual([alone.slice(0, 1), alone.slice(1)]);
    expect(batches).toEqual([4, 4]);
    expect(model.passes.forwards).toBe(8);
  });

  it("are one batch per graph and per what is fetched of it", async () => {
    const { pool, batches } = crampedPool(100);
    const model = smallModel(smallCnn(), {}, { pool });
    const [whole, again, input] = await Promise.all([
      passesOf(model, both, 2),
      passesOf(model, both, 3),
      passesOf(model, { input: true, layer: false }, 1),
    ]);
    expect(batches.toSorted()).toEqual([1, 5]);
    expect(again.slice(0, 2)).toEqual(whole);
    expect(input[0].activation).toHaveLength(0);
    expect(again).toEqual(await passesOf(smallModel(smallCnn()), both, 3));
  });

  it("stay apart where numbers are to be exact and depend on an image's place", async () => {
    for (const [side, together] of [
      [4, [4]],
      [5, [2, 3]],
    ] as const) {
      const { pool, batches } = crampedPool(100);
      const model = smallModel(smallCnn({ height: side, width: side }), {}, { pool, exact: true });
      const small = [0, 1, 2, 3].map((k) => picture(`small ${k}`, 3, side, side));
      await Promise.all([logitsOf(model, small.slice(0, 1)), logitsOf(model, small.slice(1))]);
      expect(batches).toEqual(together);
    }
  });

  it("fail together where no session can be had, and are tried again", async () => {
    let loads = 0;
    const load = (graph: Graph) => {
      if (++loads === 1) throw new KitError("E_ENGINE_LOAD", { problem: "not this time" });
      return wasm.load(graph);
    };
    const model = smallModel(smallCnn(), {}, { pool: createPool({ load }) });
    await expect(asked(model)).rejects.toMatchObject({ code: "E_ENGINE_LOAD" });
    expect(loads).toBe(1);
    expect((await asked(model)).flat()).toHaveLength(4);
  });
});

describe("passes", () => {
  it("are counted in images, those of randomised copies too", async () => {
    const model = smallModel(smallCnn());
    await logitsOf(model, images);
    expect(model.passes).toEqual({ forwards: 7, backwards: 0 });
    await passesOf(model, both, 2);
    expect(model.passes).toEqual({ forwards: 9, backwards: 2 });
    await passesOf(model.randomised("r", rngOf("r")), both, 3);
    expect(model.passes).toEqual({ forwards: 12, backwards: 5 });
  });

  it("give what is wanted and nothing else", async () => {
    const model = smallModel(smallCnn());
    const [all] = await passesOf(model, both, 1);
    const none = new Float32Array(0);
    expect(all.gradient).toHaveLength(144);
    expect(all.activation).toHaveLength(240);
    expect(all.activationGradient).toHaveLength(240);
    expect(await passesOf(model, { input: true, layer: false }, 1)).toEqual([
      { ...all, activation: none, activationGradient: none },
    ]);
    expect(await passesOf(model, { input: false, layer: true }, 1)).toEqual([{ ...all, gradient: none }]);
    expect(await passesOf(model, { input: false, layer: false }, 1)).toEqual([
      { logits: all.logits, gradient: none, activation: none, activationGradient: none },
    ]);
  });

  it("differentiate the class of each row", async () => {
    const model = smallModel(smallCnn());
    const passes = await passesOf(model, both);
    const v = weight("v", 5, 4).data;
    for (const [k, { activationGradient }] of passes.entries()) {
      // the score is a mean over 48 cells times v[channel, class]
      for (let i = 0; i < 240; i++)
        expect(activationGradient[i]).toBeCloseTo(v[Math.floor(i / 48) * 4 + (k % 4)] / 48, 6);
    }
  });

  it("know their classes", async () => {
    const model = smallModel(smallCnn());
    const run = (target: number) =>
      model.backward(
        2,
        { input: true, layer: false },
        (_, out) => out.fill(0),
        () => target,
        () => {},
      );
    for (const target of [4, -1, 0.5])
      await expect(run(target)).rejects.toMatchObject({
        code: "E_TARGET",
        message: `class ${target} cannot be explained: the model has 4 classes, 0 to 3`,
      });
  });

  it("name a missing CAM layer", async () => {
    const nodes = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])];
    const graph = {
      ...smallCnn({ height: 2, width: 2 }),
      nodes,
      initializers: new Map([["w", weight("w", 12, 3)]]),
    };
    await expect(passesOf(smallModel(graph), both, 1)).rejects.toMatchObject({ code: "E_CAM_LAYER" });
  });
});

describe("probabilities", () => {
  it("are a softmax that does not overflow", () => {
    const p = smallModel(smallCnn()).probabilities(Float32Array.of(1000, 1001, -1000, 1000));
    const e = Math.E / (Math.E + 2);
    expect([...p].map((v) => v.toFixed(6))).toEqual([
      (e / Math.E).toFixed(6),
      e.toFixed(6),
      "0.000000",
      (e / Math.E).toFixed(6),
    ]);
  });

  it("are a sigmoid per label", () => {
    const model = smallModel(smallCnn(), { card: { task: "multi-label" } });
    expect(model.prepared.link).toBe("sigmoid");
    const p = model.probabilities(Float32Array.of(0, 1, -800, 800));
    expect([...p]).toEqual([0.5, expect.closeTo(0.7310585786, 9), 0, 1]);
  });
});

describe("gaps in the gradient", () => {
  it("are all named", () => {
    const inner = smallCnn();
    const product = (from: string, to: string, name: string) => [
      node("ReduceProd", [from, "axis"], [name], {}, name),
      node("Mul", [from, name], [to]),
    ];
    const nodes = [...inner.nodes, ...product("y", "z", "first"), ...product("z", "t", "second")];
    const initializers = new Map([...inner.initializers, ["axis", int64([1], [0])] as const]);
    const outputs = [{ name: "t", type: "float32" as const, dims: ["N", 4] }];
    const graph = { ...inner, nodes, initializers, outputs };
    expect(() => smallModel(graph).assertDifferentiable()).toThrow(
      expect.objectContaining({
        code: "E_NO_GRADIENT",
        details: ["ReduceProd (a product over the batch): 2 nodes, first first"],
      }),
    );
  });
});

describe("randomised", () => {
  const card = { input: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2] } };
  const weights = (model: Model) => model.prepared.folded.graph.initializers;

  it("keeps the values of every weight and moves them", () => {
    for (const graph of [smallCnn(), smallVit()]) {
      const model = smallModel(graph, { card });
      const other = model.randomised("r", rngOf("weights"));
      const moved: string[] = [];
      for (const [name, tensor] of weights(model)) {
        const now = weights(other).get(name)!;
        if (now === tensor) continue;
        moved.push(name);
        expect(now.dims).toEqual(tensor.dims);
        expect([...(now.data as Float32Array)].sort()).toEqual([...(tensor.data as Float32Array)].sort());
        expect(now.data).not.toEqual(tensor.data);
      }
      const wanted =
        graph.name && graph.initializers.has("patch")
          ? ["head", "k0", "k1", "patch", "q0", "q1", "scale", "shift", "v0", "v1"]
          : ["a", "b", "v", "w"];
      expect(moved.sort()).toEqual(wanted);
    }
  });

  it("is decided by its stream and leaves the model as it was", async () => {
    const model = smallModel(smallCnn(), { card });
    const before = await logitsOf(model, images);
    const [a, b, c] = ["1", "1", "2"].map((key, k) => model.randomised(`r${k}`, rngOf("weights", key)));
    const [la, lb, lc] = [await logitsOf(a, images), await logitsOf(b, images), await logitsOf(c, images)];
    expect(la).toEqual(lb);
    expect(la).not.toEqual(lc);
    expect(la).not.toEqual(before);
    expect(await logitsOf(model, images)).toEqual(before);
  });

  it("spares the head of a contrastive model", () => {
    const inner = smallCnn();
    const nodes = [
      ...inner.nodes.slice(0, -1),
      node("LpNormalization", ["f"], ["n"], { axis: attr.int(-1) }),
      node("MatMul", ["n", "v"], ["y"]),
    ];
    const model = smallModel({ ...inner, nodes }, { card });
    const other = model.randomised("r", rngOf("weights"));
    expect(model.prepared.family).toBe("contrastive");
    expect(weights(other).get("v")).toBe(weights(model).get("v"));
    expect(weights(other).get("w")).not.toBe(weights(model).get("w"));
  });

  it("reaches weights that are transposed in the graph", () => {
    const inner = smallCnn();
    const nodes = [
      ...inner.nodes.slice(0, -1),
      node("Transpose", ["vt"], ["v"], { perm: attr.ints([1, 0]) }),
      node("MatMul", ["f", "v"], ["y"]),
    ];
    const initializers = new Map(inner.initializers);
    initializers.delete("v");
    initializers.set("vt", weight("vt", 4, 5));
    const model = smallModel({ ...inner, nodes, initializers });
    // a weight of many millions of values is not transposed ahead of time; here the graph is put back as it was
    const folded = { ...model.prepared.folded, graph: { ...inner, nodes, initializers } };
    const unfolded = createModel({ ...model.prepared, folded }, { pool: createPool(wasm), memory: 1e9 });
    const { data } = weights(unfolded.randomised("r", rngOf("weights"))).get("vt")!;
    expect(data).not.toEqual(weight("vt", 4, 5).data);
  });
});
