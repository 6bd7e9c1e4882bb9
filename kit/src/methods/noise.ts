/** What methods that average over noisy copies of the image share. */
import type { Float32Tensor } from "../onnx/tensor.ts";
import type { ParamSpec } from "../params.ts";
import { ofShape } from "./baseline.ts";
import type { InputSpec, MethodContext } from "./method.ts";

export const drawsParam = {
  type: "integer",
  default: 25,
  minimum: 1,
  maximum: 10_000,
  budget: true,
  description: "noisy copies",
} as const satisfies ParamSpec;

export const sigmaParam = {
  type: "number",
  default: 0.15,
  minimum: 0,
  description: "noise sd as a share of the image's range",
} as const satisfies ParamSpec;

export const noiseInput: InputSpec = {
  dims: "[N,C,H,W]",
  description: "noise added to x, one entry per draw; N replaces `draws`",
};

/** The noise of every draw: the one supplied, or a stream of its own for each. */
export interface Noise {
  /** entries supplied; undefined where it is drawn, as often as wanted */
  readonly entries: number | undefined;
  /** Writes x + εₖ into `out`; the same whenever it is asked. */
  copy(k: number, out: Float32Array): void;
}

/** εₖ ~ N(0, (sigma · range of x)²), unless supplied. Copies are not clipped. Throws KitError E_INPUT for noise of other dims. */
export function noiseOf({ x, given, rng }: Pick<MethodContext, "x" | "given" | "rng">, sigma: number): Noise {
  const supplied = given("noise");
  if (supplied !== undefined) {
    const { data, dims } = ofShape("noise", supplied, [null, ...x.dims]);
    return {
      entries: dims[0],
      copy(k, out) {
        for (let i = 0; i < out.length; i++) out[i] = x.data[i] + data[k * out.length + i];
      },
    };
  }
  const sd = sigma * rangeOf(x);
  return {
    entries: undefined,
    copy(k, out) {
      if (sd === 0) return out.set(x.data);
      // a stream per draw: a batch that failed for memory is filled again, and no draw depends on how many there are
      const stream = rng(`noise ${k}`);
      for (let i = 0; i < out.length; i++) out[i] = x.data[i] + sd * stream.normal();
    },
  };
}

/** Noisy copies of the image, and how many. */
export function noisyCopies(
  context: Pick<
    MethodContext<{ readonly draws: number; readonly sigma: number }>,
    "x" | "given" | "rng" | "params"
  >,
): { readonly draws: number; readonly copy: Noise["copy"] } {
  const { draws, sigma } = context.params;
  const { entries = draws, copy } = noiseOf(context, sigma);
  return { draws: entries, copy };
}

function rangeOf({ data }: Float32Tensor): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const v of data) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return high - low;
}
