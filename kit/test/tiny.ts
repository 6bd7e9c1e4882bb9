/** Models and data small enough to make in a test: seeded weights, no training. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import sharp from "sharp";
import { encodeNpy } from "../src/datasets/readers/npy.ts";
import { attr, canonicalOpset, type Graph, type Node, node } from "../src/onnx/graph.ts";
import { type Float32Tensor, float32, int64, sizeOf, type Tensor } from "../src/onnx/tensor.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import { type Rng, rngOf } from "../src/rng.ts";

const normal = (rng: Rng, dims: readonly number[], scale = 1): Float32Tensor =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => scale * rng.normal()),
  );

/** float32 values in [0, 1). */
export const uniform = (seed: string, ...dims: number[]): Float32Tensor => {
  const rng = rngOf("tiny", seed);
  return float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => rng.uniform()),
  );
};

export const standardNormal = (seed: string, ...dims: number[]): Float32Tensor =>
  normal(rngOf("tiny", seed), dims);

export interface TinyModel {
  readonly channels?: number;
  readonly size?: number;
  readonly classes?: number;
  /** a factor between the convolution and the head that is always 1, by a product over the batch, which has no gradient */
  readonly odd?: boolean;
}

const model = (
  { channels = 3, size = 16, classes = 3 }: TinyModel,
  nodes: readonly Node[],
  weights: Readonly<Record<string, Tensor>>,
): Graph => ({
  name: "tiny",
  opsets: { "": canonicalOpset },
  inputs: [{ name: "input", type: "float32", dims: ["batch", channels, size, size] }],
  outputs: [{ name: "logits", type: "float32", dims: ["batch", classes] }],
  nodes,
  initializers: new Map(Object.entries(weights)),
});

/** Convolution (output `features`), ReLU, mean over pixels, one linear layer. */
export function cnn(options: TinyModel = {}): Graph {
  const { channels = 3, classes = 3, odd = false } = options;
  const rng = rngOf("tiny", "cnn", channels, classes);
  return model(
    options,
    [
      node("Conv", ["input", "kernel", "bias"], ["conv"], { pads: attr.ints([1, 1, 1, 1]) }, "conv_1"),
      node("Relu", ["conv"], ["features"]),
      ...(odd
        ? [
            node("Pow", ["features", "zero"], ["ones"]),
            node("ReduceProd", ["ones", "over_batch"], ["one"], {}, "odd"),
            node("Mul", ["features", "one"], ["same"]),
          ]
        : []),
      node("GlobalAveragePool", [odd ? "same" : "features"], ["pooled"]),
      node("Flatten", ["pooled"], ["flat"]),
      node("Gemm", ["flat", "head"], ["logits"]),
    ],
    {
      kernel: normal(rng, [6, channels, 3, 3], 0.5),
      bias: normal(rng, [6], 0.1),
      head: normal(rng, [6, classes], 2),
      ...(odd && { zero: float32([], [0]), over_batch: int64([1], [0]) }),
    },
  );
}

/** Patches of 4×4, a class token, one pre-norm attention block with one head, the class token's linear layer. */
export function vit(options: TinyModel = {}): Graph {
  const { channels = 3, size = 16, classes = 3 } = options;
  const rng = rngOf("tiny", "vit");
  const width = 8;
  const tokens = (size / 4) ** 2 + 1;
  return model(
    options,
    [
      node("Conv", ["input", "patch"], ["patches"], { strides: attr.ints([4, 4]) }),
      node("Reshape", ["patches", "to_columns"], ["columns"]),
      node("Transpose", ["columns"], ["rows"], { perm: attr.ints([0, 2, 1]) }),
      node("Shape", ["input"], ["batch_size"], { start: attr.int(0), end: attr.int(1) }),
      node("Concat", ["batch_size", "one_token"], ["class_shape"], { axis: attr.int(0) }),
      node("Expand", ["class_token", "class_shape"], ["class_tokens"]),
      node("Concat", ["class_tokens", "rows"], ["sequence"], { axis: attr.int(1) }),
      node("Add", ["sequence", "positions"], ["tokens"]),
      node("LayerNormalization", ["tokens", "gain", "shift"], ["normed"]),
      node("MatMul", ["normed", "query"], ["q"]),
      node("MatMul", ["normed", "key"], ["k"]),
      node("MatMul", ["normed", "value"], ["v"]),
      node("Transpose", ["k"], ["k_t"], { perm: attr.ints([0, 2, 1]) }),
      node("MatMul", ["q", "k_t"], ["similarity"]),
      node("Mul", ["similarity", "temperature"], ["scaled"]),
      node("Softmax", ["scaled"], ["attention"], { axis: attr.int(-1) }),
      node("MatMul", ["attention", "v"], ["mixed"]),
      node("Add", ["tokens", "mixed"], ["block"]),
      node("LayerNormalization", ["block", "gain", "shift"], ["final"]),
      node("Gather", ["final", "first"], ["cls"], { axis: attr.int(1) }),
      node("MatMul", ["cls", "head"], ["logits"]),
    ],
    {
      patch: normal(rng, [width, channels, 4, 4], 0.3),
      to_columns: int64([3], [0, width, -1]),
      one_token: int64([2], [1, width]),
      class_token: normal(rng, [1, 1, width]),
      positions: normal(rng, [1, tokens, width], 0.3),
      gain: float32([width], new Float32Array(width).fill(1)),
      shift: float32([width], new Float32Array(width)),
      query: normal(rng, [width, width], 0.5),
      key: normal(rng, [width, width], 0.5),
      value: normal(rng, [width, width]),
      temperature: float32([], [width ** -0.5]),
      first: int64([], [0]),
      head: normal(rng, [width, classes]),
    },
  );
}

export const saveModel = (path: string, graph: Graph): void => writeFileSync(path, writeOnnx(graph));
export const saveArray = (path: string, tensor: Tensor): void => writeFileSync(path, encodeNpy(tensor));

/** A picture with a bright square of one colour on noise. */
export async function savePicture(path: string, { size = 16, colour = 0, at = 4 } = {}): Promise<void> {
  const rng = rngOf("tiny", path.split(/[\\/]/).slice(-2).join("/"));
  const pixels = Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % size, Math.floor(i / 3 / size)];
    const inside = x >= at && x < at + 6 && y >= at && y < at + 6;
    return inside && i % 3 === colour ? 250 : Math.floor(90 * rng.uniform());
  });
  await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toFile(path);
}

export const classNames = ["blue", "green", "red"] as const;

/** `<root>/<class>/<n>.png`, `each` pictures per class, and COCO boxes around the squares in annotations.json. */
export async function saveFolder(root: string, each = 4): Promise<void> {
  const images: object[] = [];
  const annotations: object[] = [];
  for (const [label, name] of classNames.entries()) {
    mkdirSync(join(root, name), { recursive: true });
    for (let k = 0; k < each; k++) {
      const at = 1 + 2 * k;
      await savePicture(join(root, name, `${k}.png`), { colour: 2 - label, at });
      const id = images.length + 1;
      images.push({ id, file_name: `${name}/${k}.png`, width: 16, height: 16 });
      annotations.push({ id, image_id: id, category_id: label + 1, bbox: [at, at, 6, 6] });
    }
  }
  const categories = classNames.map((name, k) => ({ id: k + 1, name }));
  writeFileSync(join(root, "annotations.json"), JSON.stringify({ images, annotations, categories }));
}

/** pneumoniamnist.npz with `count` grey test images of 28×28. */
export function saveMedmnist(dir: string, count = 12): void {
  const rng = rngOf("tiny", "medmnist");
  const arrays: Record<string, Tensor> = {
    test_images: {
      type: "uint8",
      dims: [count, 28, 28],
      data: Uint8Array.from({ length: count * 784 }, () => Math.floor(256 * rng.uniform())),
    },
    test_labels: {
      type: "uint8",
      dims: [count, 1],
      data: Uint8Array.from({ length: count }, (_, i) => i % 2),
    },
  };
  const files = Object.entries(arrays).map(([name, tensor]) => [`${name}.npy`, encodeNpy(tensor)]);
  writeFileSync(join(dir, "pneumoniamnist.npz"), zipSync(Object.fromEntries(files)));
}
