/**
 * Quantisation in the form QuantizeLinear … DequantizeLinear, in plain float arithmetic.
 *
 * A quantised number is kept as the float that has its value, so every engine runs the model and gradients pass. Rounding
 * is adding 1.5 · 2²³ and taking it away: what float32 cannot hold beside such a number is rounded, half to even as ONNX
 * wants it, and the slope of the two steps together is 1. Saturation is a Clip, whose slope is 0 outside. This is the
 * clipped straight-through estimator (arXiv:1308.3432 §4); nothing else has to know of it.
 */
import type { Expanding, Expansion } from "./expansion.ts";
import { keyOf } from "./expansion.ts";
import { type Graph, intOf } from "./graph.ts";
import { type ElementType, elementTypes, float32, sizeOf, type Tensor, toFloat32 } from "./tensor.ts";

const ranges: Partial<Record<ElementType, readonly [low: number, high: number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

/** 1.5 · 2²³: between 2²³ and 2²⁴ the spacing of float32 is 1. */
const rounder = 12582912;

/** Scale or zero point as a float: a scalar for the whole tensor, or one value along `axis`. */
function along(c: Expanding, tensor: Tensor): Tensor {
  const values = float32(tensor.dims, toFloat32(tensor));
  if (values.data.length === 1) return { ...values, dims: [] };
  if (tensor.dims.length > 1) throw c.refuse("quantisation in blocks", "quantise per tensor or per channel");
  const rank = c.rank(0);
  const axis = intOf(c.node, "axis", 1);
  const at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) throw c.refuse(`axis ${axis} of rank ${rank}`);
  return { ...values, dims: [values.data.length, ...Array(rank - 1 - at).fill(1)] };
}

interface Grid {
  readonly scale: Tensor<"float32">;
  readonly zero: Tensor<"float32"> | undefined;
}

function gridOf(c: Expanding): Grid {
  if (intOf(c.node, "block_size", 0) !== 0) {
    throw c.refuse("quantisation in blocks", "quantise per tensor or per channel");
  }
  const [scale, zero] = [1, 2].map((i) => (c.has(i) ? c.known(i).value : undefined));
  if (scale === undefined || (c.has(2) && zero === undefined)) {
    throw c.refuse(
      "a scale or a zero point that is computed while running",
      "quantise the model statically, in the QDQ format",
    );
  }
  const zeros = zero && along(c, zero);
  const nothing = zeros === undefined || (zeros.data as Float32Array).every((v) => v === 0);
  return {
    scale: along(c, scale) as Tensor<"float32">,
    zero: nothing ? undefined : (zeros as Tensor<"float32">),
  };
}

function targetRange(c: Expanding): readonly [number, number] {
  const asked = intOf(c.node, "output_dtype", 0);
  const named = Object.entries(elementTypes).find(([, n]) => n === asked)?.[0] as ElementType | undefined;
  const type = c.has(2) ? c.known(2).type : asked === 0 ? "uint8" : named;
  const range = type && ranges[type];
  if (range === undefined) throw c.refuse(`quantisation to ${type ?? `element type ${asked}`}`);
  return range;
}

/** clip(round(x / scale) + zero); bounds are whole numbers, so clipping before rounding gives the same. */
const quantize: Expansion = (c) => {
  const { scale, zero } = gridOf(c);
  const [low, high] = targetRange(c);
  const v = c.op("Div", [c.input(0), c.tensor(scale, "scale")]);
  const wide = c.tensor(float32([], [rounder]), "rounder");
  const number = (value: number) => c.tensor(float32([], [value]), "bound");
  if (zero !== undefined && zero.data.length > 1) {
    // a bound per channel: shifted first, which moves no half, since zero points are whole
    const shifted = c.op("Add", [rounded(v), c.tensor(zero, "zero")]);
    return [c.op("Clip", [shifted, number(low), number(high)])];
  }
  const shift = zero?.data[0] ?? 0;
  const inside = c.op("Clip", [v, number(low - shift), number(high - shift)]);
  const whole = rounded(inside);
  return [zero === undefined ? whole : c.op("Add", [whole, c.tensor(zero, "zero")])];

  function rounded(x: string): string {
    return c.op("Sub", [c.op("Add", [x, wide]), wide]);
  }
};

/** (q − zero) · scale; worked out here where q is a weight. */
const dequantize: Expansion = (c) => {
  const { scale, zero } = gridOf(c);
  const { value, type } = c.known(0);
  if (value !== undefined && value.type !== "string")
    return [c.tensor(dequantised(value, scale, zero), "weight")];
  const q = type === "float32" ? c.input(0) : c.cast(c.input(0), "float32");
  const centred = zero === undefined ? q : c.op("Sub", [q, c.tensor(zero, "zero")]);
  return [c.op("Mul", [centred, c.tensor(scale, "scale")])];
};

function dequantised(q: Tensor, scale: Tensor<"float32">, zero: Tensor<"float32"> | undefined): Tensor {
  const from = toFloat32(q);
  const data = new Float32Array(from.length);
  const step = sizeOf(q.dims.slice(q.dims.length - scale.dims.length + 1));
  for (let i = 0; i < data.length; i++) {
    const channel = scale.dims.length === 0 ? 0 : Math.floor(i / step) % scale.data.length;
    const offset = zero === undefined ? 0 : zero.data[zero.data.length === 1 ? 0 : channel];
    data[i] = (from[i] - offset) * scale.data[channel];
  }
  return float32(q.dims, data);
}

export const quantised: Readonly<Record<string, Expansion>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  "com.microsoft.QuantizeLinear": quantize,
  "com.microsoft.DequantizeLinear": dequantize,
};

/** How many tensors are rounded on the way: what a user should know of gradients that pass straight through. */
export const quantisationSteps = (graph: Graph): number =>
  graph.nodes.filter((n) => n.op === "QuantizeLinear" && quantised[keyOf(n)] !== undefined).length;
