/** Whole methods, through the library as a user calls them. */
import { performance } from "node:perf_hooks";
import type { Engine } from "../src/engine/engine.ts";
import { createPool } from "../src/engine/pool.ts";
import { methodOf } from "../src/index.ts";
import { attribute } from "../src/methods/method.ts";
import { createModel } from "../src/model/model.ts";
import { prepare } from "../src/model/prepare.ts";
import { createProbe } from "../src/model/probe.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { rngOf } from "../src/rng.ts";
import type { Source } from "./graphs.ts";

/** With the budgets of the quick protocol, and as few windows: the ratio is the same, and PyTorch takes a minute a run with all of them. */
const params = {
  saliency: {},
  "integrated-gradients": { steps: 13 },
  smoothgrad: { draws: 7 },
  "grad-cam": {},
  occlusion: { window: 64, stride: 32 },
} as const;

export type MeasuredMethod = keyof typeof params;
export const measuredMethods = Object.keys(params) as readonly MeasuredMethod[];

export interface MethodRun {
  /** one attribution of one image, in milliseconds */
  time(): Promise<number>;
  /** passes it took, in images */
  readonly passes: { forwards: number; backwards: number };
}

/** @throws KitError where the model cannot give what the method asks for */
export async function methodRun(
  engine: Engine,
  source: Source,
  id: MeasuredMethod,
  memory: number,
): Promise<MethodRun> {
  const model = createModel(prepare(source.read(), { preprocess: false }), {
    pool: createPool(engine),
    memory,
    provider: engine.info.provider,
  });
  const { channels, height, width } = model.shape;
  const x = float32(
    [channels, height, width],
    Float32Array.from({ length: channels * height * width }, (_, i) => 0.5 + 0.5 * Math.sin(i)),
  );
  const method = methodOf(id);
  const passes = { forwards: 0, backwards: 0 };
  return {
    passes,
    async time() {
      const before = { ...model.passes };
      const start = performance.now();
      const probe = createProbe({ model, x, target: 0 });
      await attribute(method, probe, { params: params[id], rng: (purpose) => rngOf("bench", purpose) });
      const took = performance.now() - start;
      passes.forwards = model.passes.forwards - before.forwards;
      passes.backwards = model.passes.backwards - before.backwards;
      return took;
    },
  };
}
