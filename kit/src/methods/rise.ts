import type { ImageShape } from "../model/image.ts";
import { float32 } from "../onnx/tensor.ts";
import type { Rng } from "../rng.ts";
import { baselineInput, baselineOf, ofShape, referenceParam } from "./baseline.ts";
import { defineMethod } from "./method.ts";

/**
 * RISE: the mean of random masks, each weighted by the probability of the class in the image that it lets through.
 *
 * @returns float32 [H,W], probabilities: what the class has on average where the pixel is shown; never negative
 * @throws  KitError E_INPUT for masks or a baseline of other dims
 *
 * Cost: `draws` forward passes. A mask is made twice rather than kept: all of them would be draws · H · W numbers.
 * Source: arXiv:1806.07421 eq. 6 and § 3.2; cells of ⌈side/grid⌉ pixels and shifts short of a cell are those of its authors' code (the paper
 * rounds down, which may leave an edge uncovered). Hidden is the reference where the paper multiplies by the mask, i.e. black.
 */
export const rise = defineMethod({
  id: "rise",
  title: "RISE",
  paper: "arXiv:1806.07421",
  revision: 1,
  summary:
    "The mean of random soft masks M, weighted by the class's probability in r + M ⊙ (x − r), over their expectation.",
  formula: "Φ = Σₖ p(r + Mₖ ⊙ (x − r)) Mₖ / (N·E[M])",
  limits:
    "Noisy: even where the model ignores its image the masks' own chance pattern is left; and nothing finer than a cell is seen.",
  kind: "map",
  map: "sum",
  needs: [],
  params: {
    draws: {
      type: "integer",
      default: 1000,
      minimum: 1,
      maximum: 100_000,
      budget: true,
      description: "masks",
    },
    grid: {
      type: "integer",
      default: 7,
      minimum: 1,
      maximum: 64,
      description: "cells per side of a mask, before it is shifted and upsampled",
    },
    probability: {
      type: "number",
      default: 0.5,
      minimum: 0.01,
      maximum: 1,
      description: "of showing a cell",
    },
    normalise: {
      type: "choice",
      choices: ["expectation", "mean", "pixel"],
      default: "expectation",
      description:
        "divide by N·`probability`, by N·the mean of the masks used, or at each pixel by their sum there",
    },
    reference: referenceParam,
  },
  inputs: {
    masks: { dims: "[N,H,W]", description: "the masks, 0 hides and 1 shows; N replaces `draws`" },
    baseline: baselineInput,
  },
  cost: ({ draws }) => ({ forwards: draws, backwards: 0 }),
  async attribute(context) {
    const { probe, x, params, given, rng } = context;
    const [, height, width] = x.dims;
    const pixels = height * width;
    const r = baselineOf(context, params.reference);
    const supplied = given("masks");
    const masks = supplied && ofShape("masks", supplied, [null, height, width]);
    const draws = masks ? masks.dims[0] : params.draws;
    const draw = maskDrawer(probe.model.shape, params.grid, params.probability);
    const mask = (k: number): Float32Array =>
      masks ? masks.data.subarray(k * pixels, (k + 1) * pixels) : draw(rng(`mask ${k}`));

    const probabilities = await probe.probabilities(draws, (k, out) => {
      const m = mask(k);
      for (let at = 0; at < out.length; at += pixels) {
        for (let p = 0; p < pixels; p++) {
          out[at + p] = r.data[at + p] + m[p] * (x.data[at + p] - r.data[at + p]);
        }
      }
    });
    const weighted = new Float64Array(pixels);
    const shown = new Float64Array(pixels);
    for (let k = 0; k < draws; k++) {
      const m = mask(k);
      for (let i = 0; i < pixels; i++) {
        weighted[i] += probabilities[k] * m[i];
        shown[i] += m[i];
      }
    }
    const overall =
      params.normalise === "mean"
        ? shown.reduce((sum, v) => sum + v, 0) / pixels
        : draws * params.probability;
    return float32(
      [height, width],
      Float32Array.from(weighted, (sum, i) => {
        const by = params.normalise === "pixel" ? shown[i] : overall;
        return by === 0 ? 0 : sum / by; // never shown
      }),
    );
  },
});

/** Masks of grid × grid cells: zeros and ones, brought bilinearly to one cell more than the image has, of which a random part is cut out. */
function maskDrawer(shape: Pick<ImageShape, "height" | "width">, grid: number, probability: number) {
  const rows = axis(shape.height, grid);
  const columns = axis(shape.width, grid);
  return (stream: Rng): Float32Array => {
    const cells = Float32Array.from({ length: grid * grid }, () => (stream.uniform() < probability ? 1 : 0));
    const [down, across] = [stream.integer(rows.cell), stream.integer(columns.cell)];
    const out = new Float32Array(shape.height * shape.width);
    const line = new Float32Array(grid);
    for (let i = 0; i < shape.height; i++) {
      const { low, high, part } = rows.at[i + down];
      for (let c = 0; c < grid; c++) {
        line[c] = cells[low * grid + c] * (1 - part) + cells[high * grid + c] * part;
      }
      for (let j = 0; j < shape.width; j++) {
        const { low: left, high: right, part: rest } = columns.at[j + across];
        out[i * shape.width + j] = line[left] * (1 - rest) + line[right] * rest;
      }
    }
    return out;
  };
}

/** For each pixel of the upsampled side: the two cells it lies between, and the share of the second (half-pixel centres, edges clamped). */
function axis(side: number, grid: number) {
  const cell = Math.ceil(side / grid);
  const length = (grid + 1) * cell;
  const at = Array.from({ length }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * grid) / length - 0.5, 0), grid - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, grid - 1), part: place - low };
  });
  return { cell, at };
}
