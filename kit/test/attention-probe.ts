/** The small transformer of attention-models.ts at one image: as a model that runs, and as plain arrays. */
import { attribute, type Method } from "../src/methods/method.ts";
import { createProbe, type Probe } from "../src/model/probe.ts";
import type { ParamValue } from "../src/params.ts";
import { streams } from "./analytic-probe.ts";
import { literally, shape, skipOf, type TransformerOptions, transformer } from "./attention-models.ts";
import { picture, smallModel } from "./small-models.ts";

export const x = picture("attention", shape.channels, shape.height, shape.width);
export const target = 1;

/** Every way to write it, with one way to read it; and every way to read it. */
export const cases: readonly TransformerOptions[] = [
  { layout: "axis", head: "class" },
  { layout: "folded", head: "class" },
  { layout: "einsum", head: "class" },
  { layout: "fused", head: "class" },
  { layout: "axis", head: "both" },
  { layout: "folded", head: "both", registers: 1 },
  { layout: "axis", head: "mean" },
  { layout: "folded", head: "mean" },
];

export function sideBySide(options: TransformerOptions) {
  const { run, score } = literally(options);
  return {
    probe: createProbe({ model: smallModel(transformer(options)), x, target }),
    skip: skipOf(options),
    /** rows of the head: the tokens it reads */
    read: { class: [0], both: [0, 1], mean: run(x.data).blocks[0].z.map((_, t) => t) }[options.head],
    run: (replaced?: Parameters<typeof run>[1]) => run(x.data, replaced),
    score,
  };
}

export const explain = (method: Method, probe: Probe, params: Record<string, ParamValue> = {}, raw = true) =>
  attribute(method, probe, { params, rng: streams("attention"), raw });

/** max |a − b| / max |b| */
export function relative(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, scale] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return difference / scale;
}
