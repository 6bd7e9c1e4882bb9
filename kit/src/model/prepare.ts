/**
 * From a model as its author exported it to the graph the kit explains: pixel space in, logits out.
 *
 * Preprocessing is folded in front (grey repeated to the model's channels, minus mean, divided by std), a softmax or sigmoid tail is
 * cut off, a single output f becomes the pair (−f, f), exporter clutter is folded away and fused operators are recognised. What the card
 * does not say is inferred; each inference is an assumption the user gets to read.
 */
import { KitError } from "../errors.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import {
  ancestors,
  attr,
  type Graph,
  type Node,
  names,
  node,
  producers,
  prune,
  type ValueInfo,
} from "../onnx/graph.ts";
import { halfTypeOf, inFloat32 } from "../onnx/half.ts";
import { quantisationSteps } from "../onnx/quantised.ts";
import { formatShape, type Shape } from "../onnx/shapes.ts";
import { simplify } from "../onnx/simplify.ts";
import { elementTypes, float32, type Tensor } from "../onnx/tensor.ts";
import type { ModelCard } from "../schemas.generated.ts";
import { attentionNodes, type CamLayer, camLayerOf, tokenLayers } from "./cam-layer.ts";
import { type ClassEmbeddings, contrastiveHead, defaultScale, similarities } from "./contrastive.ts";
import type { ImageShape } from "./image.ts";

export type Family = "cnn" | "transformer" | "contrastive";
export type Task = "multi-class" | "multi-label" | "binary";

export interface PrepareOptions {
  readonly card?: ModelCard;
  /** 1 for grey images shown to a colour model; the model's own channels unless told */
  readonly pixelChannels?: number;
  /** false: feed `x` as it is; then everything lives in that space, the reference is 0 and nothing is clipped */
  readonly preprocess?: boolean;
  /** the model is an image encoder: the scores are its embedding's similarities to these */
  readonly text?: ClassEmbeddings;
}

export interface Prepared {
  readonly folded: FoldedGraph;
  /** name and shape of the input */
  readonly input: ImageShape & { readonly name: string };
  /** name of the logits [N, classes] */
  readonly score: string;
  readonly classes: number;
  /** how logits become probabilities */
  readonly link: "softmax" | "sigmoid";
  readonly task: Task;
  /** of each label: the least probability that counts as present; 0.5 for all without */
  readonly thresholds?: readonly number[];
  readonly family: Family;
  /** colour of the reference image, one value per channel of the input */
  readonly meanColour: readonly number[];
  /** whether x lives in [0, 1] */
  readonly bounded: boolean;
  /** images per run when the model allows only one number; undefined when the batch is free */
  readonly fixedBatch: number | undefined;
  readonly cam: CamLayer | undefined;
  /** other layers CAM methods could read, for messages */
  readonly camAlternatives: readonly string[];
  /** initializers that belong to a contrastive head: not weights of the model */
  readonly headTensors: ReadonlySet<string>;
  readonly opset: number;
  /** what was inferred rather than told, one sentence each */
  readonly assumptions: readonly string[];
}

/**
 * @throws KitError E_MODEL_INPUT, E_MODEL_OUTPUT when the model is not an image classifier of the form [N,C,H,W] → [N,K]
 */
export function prepare(
  given: Graph,
  { card = {}, pixelChannels, preprocess = true, text }: PrepareOptions = {},
): Prepared {
  const assumptions: string[] = [];
  const assume = (sentence: string) => assumptions.push(sentence);

  const original = inFloat32(given);
  const half = halfTypeOf(given);
  if (half !== undefined)
    assume(`the model is in half precision (${half}): it is computed in float32, with the same weights`);
  const rounded = quantisationSteps(original);
  if (rounded > 0) {
    const steps = `${rounded} quantisation step${rounded === 1 ? "" : "s"}`;
    assume(`gradients pass straight through ${steps}, and are 0 where a value saturates (arXiv:1308.3432)`);
  }
  const source = imageInput(original, card);
  const { batch: batchDim, channels, height, width, channelsLast } = imageDims(source, card);
  if (channelsLast)
    assume(`input "${source.name}" has its channels last, [N, H, W, C]: images are transposed`);
  const output = text ? embeddingOf(original, card, assume) : outputOf(original, card, assume);
  const tail = text ? { name: output, activation: undefined, cast: false } : cutTail(original, output);
  const pixels = pixelChannels ?? channels;
  if (pixels !== channels && pixels !== 1) {
    throw new KitError("E_MODEL_INPUT", {
      problem: `the images have ${pixels} channels, the model takes ${channels}`,
      next: "convert the images to the model's colours",
    });
  }
  if (preprocess && card.input?.mean === undefined && card.input?.std === undefined)
    assume("no mean/std given: the model takes pixels in [0, 1] as they are");

  const build = (batch: number | string) =>
    assemble(original, {
      source,
      batch,
      channels,
      height,
      width,
      pixels,
      channelsLast,
      card: preprocess ? card : {},
      tail,
    });
  const base = withFreeBatch(build, {
    batchDim,
    tail: tail.name,
    what: text ? "embedding values" : "class scores",
    keep: new Set(card.camLayer === undefined ? [] : [card.camLayer]),
    assume,
  });
  const { input, fixedBatch } = base;
  const { folded, score, classes } = text ? similarities(base.folded, base.score, text) : base;
  if (text) {
    const { scale = defaultScale } = text;
    assume(
      `class scores: similarities of "${output}" to ${classes} class embeddings (SHA-256 ${text.sha256}), times ${scale}`,
    );
    if (text.scale === undefined) assume(`no --logit-scale: ${scale}, where CLIP's training ends`);
  }

  const task = card.task ?? inferTask(classes, tail, assume);
  checkTask(task, classes, tail);
  const wired = task === "binary" ? signedPair(folded, score) : { folded, score };
  const head = contrastiveHead(wired.folded.graph, wired.score);
  const where = { folded: wired.folded, input, score: wired.score, card };
  const family = card.family ?? inferFamily(head !== undefined, attentionNodes(where).length > 0, assume);
  const cam = camLayerOf(where);
  if (cam && card.camLayer === undefined) {
    const layout = cam.kind === "grid" ? "" : `, patch tokens after ${cam.skip} extra`;
    assume(`CAM layer "${cam.name}" (${cam.channels} channels on ${cam.rows}×${cam.columns}${layout})`);
  }
  if (card.classes && card.classes.length !== (task === "binary" ? 2 : classes)) {
    throw new KitError("E_CARD", {
      problem: `the card names ${card.classes.length} classes, the model has ${task === "binary" ? 2 : classes}`,
      next: "list the class names in the order of the logits",
    });
  }
  checkThresholds(card, task, classes);
  return {
    folded: wired.folded,
    input: { name: input, channels: pixels, height, width },
    score: wired.score,
    classes: task === "binary" ? 2 : classes,
    link: task === "multi-class" ? "softmax" : "sigmoid",
    task,
    ...(card.thresholds && { thresholds: card.thresholds }),
    family,
    meanColour: meanColour(preprocess ? card : { input: { mean: [0] } }, pixels),
    bounded: preprocess,
    fixedBatch,
    cam,
    camAlternatives: tokenLayers(where).map((l) => l.name),
    headTensors: new Set(head?.constants),
    opset: original.opsets[""],
    assumptions,
  };
}

function checkThresholds({ thresholds }: ModelCard, task: Task, classes: number): void {
  if (thresholds === undefined) return;
  if (task !== "multi-label") {
    throw new KitError("E_CARD", {
      problem: `the card has thresholds, and the model is ${task}`,
      next: "leave them out, or say --task multi-label if the model has a sigmoid per label",
    });
  }
  if (thresholds.length !== classes) {
    throw new KitError("E_CARD", {
      problem: `the card has ${thresholds.length} thresholds, the model ${classes} labels`,
      next: "list one threshold per label, in the order of the logits",
    });
  }
}

/** Mean colour of the card, else mid-grey; a grey image has the mean of the means. */
function meanColour(card: ModelCard, channels: number): number[] {
  const mean = card.input?.mean ?? [0.5];
  if (channels === 1) return [mean.reduce((s, v) => s + v, 0) / mean.length];
  return Array.from({ length: channels }, (_, c) => mean[Math.min(c, mean.length - 1)]);
}

function imageInput(graph: Graph, card: ModelCard): ValueInfo {
  const named = card.input?.name;
  const candidates = graph.inputs.filter((i) =>
    named === undefined ? i.dims.length === 4 : i.name === named,
  );
  if (candidates.length === 1 && candidates[0].dims.length === 4 && candidates[0].type === "float32")
    return candidates[0];
  throw new KitError("E_MODEL_INPUT", {
    problem: `expected one float32 image input [N, C, H, W]${named === undefined ? "" : ` named "${named}"`}`,
    details: graph.inputs.map((i) => `${i.name}: ${i.type} [${i.dims.join(", ")}]`),
    next: "export the image classifier alone, or name its input in the model card (input.name)",
  });
}

function imageDims(source: ValueInfo, card: ModelCard) {
  const few = (d: number | string, most: number) => typeof d === "number" && d <= most;
  // TensorFlow's way: colours on the last axis, and two axes that are too long for colours
  const channelsLast = few(source.dims[3], 3) && !few(source.dims[1], 4) && !few(source.dims[2], 4);
  const [batch, a, b, c] = source.dims;
  const [channels, h, w] = channelsLast ? [c, a, b] : [a, b, c];
  const height = typeof h === "number" ? h : card.input?.height;
  const width = typeof w === "number" ? w : card.input?.width;
  if (typeof channels !== "number" || height === undefined || width === undefined) {
    throw new KitError("E_MODEL_INPUT", {
      problem: `input "${source.name}" [${source.dims.join(", ")}] leaves its size open`,
      next: "give it with --size HxW (or input.height and input.width in the model card); channels must be fixed",
    });
  }
  for (const [axis, told, has] of [
    ["height", card.input?.height, height],
    ["width", card.input?.width, width],
  ] as const) {
    if (told !== undefined && told !== has) {
      throw new KitError("E_MODEL_INPUT", {
        problem: `the card says ${axis} ${told}, the model takes ${has}`,
        next: "the size in the model file is binding: correct the card",
      });
    }
  }
  return { batch, channels, height, width, channelsLast };
}

function outputOf(graph: Graph, card: ModelCard, assume: (s: string) => void): string {
  const named = card.output?.name;
  if (named !== undefined) {
    if (graph.outputs.some((o) => o.name === named)) return named;
    throw new KitError("E_MODEL_OUTPUT", {
      problem: `the model has no output "${named}"`,
      next: `it has: ${graph.outputs.map((o) => o.name).join(", ")}`,
    });
  }
  // a model may also give the label it chose, or strings
  const floats = graph.outputs.filter((o) => /float/.test(o.type));
  const output = floats.find((o) => /logits?$/i.test(o.name)) ?? floats[0];
  if (output === undefined) {
    throw new KitError("E_MODEL_OUTPUT", {
      problem: "the model has no output of class scores",
      details: graph.outputs.map((o) => `${o.name}: ${o.type} [${o.dims.join(", ")}]`),
      next: "export the model with its logits as an output",
    });
  }
  if (graph.outputs.length > 1)
    assume(`output "${output.name}" of ${graph.outputs.length} holds the class scores`);
  return output.name;
}

/** The output that holds the image's embedding; an encoder may give its hidden states too, and a pair of encoders the text's. */
function embeddingOf(graph: Graph, card: ModelCard, assume: (s: string) => void): string {
  if (card.output?.name !== undefined) return outputOf(graph, card, assume);
  const rows = graph.outputs.filter(
    // a file may leave the shapes of its outputs open
    (o) => /float/.test(o.type) && o.dims.length !== 1 && o.dims.slice(2).every((d) => d === 1),
  );
  const named = (pattern: RegExp) => rows.find((o) => pattern.test(o.name));
  const output = named(/^(?!.*text).*(embed|feature)/i) ?? named(/^(?!.*text)/i);
  if (output === undefined) {
    throw new KitError("E_MODEL_OUTPUT", {
      problem: "the model has no output of one embedding per image",
      details: graph.outputs.map((o) => `${o.name}: ${o.type} [${o.dims.join(", ")}]`),
      next: "export the image encoder with its projected embedding [N, D] as an output, or name it (output.name in the model card)",
    });
  }
  if (graph.outputs.length > 1)
    assume(`output "${output.name}" of ${graph.outputs.length} holds the image's embedding`);
  return output.name;
}

interface Tail {
  /** the tensor before the tail */
  readonly name: string;
  /** what was cut off */
  readonly activation: "Softmax" | "LogSoftmax" | "Sigmoid" | undefined;
  /** a conversion was cut off with it, so the logits may not be float32 */
  readonly cast: boolean;
}

/** What may stand behind a softmax: the same numbers in the same order. */
const passing = new Set(["Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);

function cutTail(graph: Graph, output: string): Tail {
  const made = producers(graph);
  let at = made.get(output);
  let cast = false;
  while (at && passing.has(at.op)) {
    cast ||= at.op === "Cast";
    at = made.get(at.inputs[0]);
  }
  switch (at?.op) {
    case "Softmax":
    case "LogSoftmax":
    case "Sigmoid":
      return { name: at.inputs[0], activation: at.op, cast };
    default:
      return { name: output, activation: undefined, cast: false };
  }
}

interface Assembly {
  readonly source: ValueInfo;
  readonly batch: number | string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly pixels: number;
  readonly channelsLast: boolean;
  readonly card: ModelCard;
  readonly tail: Tail;
}

/** The graph from pixels to the tensor before the tail, flattened to [N, K]. */
function assemble(original: Graph, a: Assembly): { graph: Graph; input: string; score: string } {
  const used = names(original);
  const fresh = (wish: string) => {
    let name = wish;
    for (let i = 1; used.has(name); i++) name = `${wish}_${i}`;
    used.add(name);
    return name;
  };
  const constants = new Map<string, Tensor>(original.initializers);
  const before: Node[] = [];
  const steps: ((from: string, to: string) => Node)[] = [];
  if (a.pixels !== a.channels) {
    steps.push((from, to) => node("Concat", Array(a.channels).fill(from), [to], { axis: attr.int(1) }));
  }
  const { mean, std } = checkedColours(a.card, a.channels);
  const perChannel = (wish: string, op: string, values: readonly number[]) => {
    const name = fresh(`preprocess_${wish}`);
    constants.set(name, float32([1, values.length, 1, 1], values));
    steps.push((from, to) => node(op, [from, name], [to]));
  };
  if (mean.some((v) => v !== 0)) perChannel("mean", "Sub", mean);
  if (std.some((v) => v !== 1)) perChannel("std", "Div", std);
  if (a.channelsLast)
    steps.push((from, to) => node("Transpose", [from], [to], { perm: attr.ints([0, 2, 3, 1]) }));
  let input = a.source.name;
  if (steps.length > 0) {
    input = fresh("pixels");
    let from = input;
    for (const [i, step] of steps.entries()) {
      const to = i === steps.length - 1 ? a.source.name : fresh(`preprocess_${i}`);
      before.push(step(from, to));
      from = to;
    }
  }
  const score = fresh("score");
  const flat = a.tail.cast ? fresh("score_flat") : score;
  const after = [node("Flatten", [a.tail.name], [flat], { axis: attr.int(1) })];
  if (a.tail.cast) after.push(node("Cast", [flat], [score], { to: attr.int(elementTypes.float32) }));
  const graph: Graph = {
    ...original,
    inputs: [
      { name: input, type: "float32", dims: [a.batch, a.pixels, a.height, a.width] },
      ...original.inputs.filter((i) => i.name !== a.source.name),
    ],
    nodes: [...before, ...original.nodes, ...after],
    initializers: constants,
  };
  const pruned = prune(graph, [{ name: score, type: "float32", dims: [a.batch, "?"] }]);
  const needed = ancestors(pruned, [score]).add(input);
  // what only other outputs read (the text of a contrastive pair) need not be fed
  return { graph: { ...pruned, inputs: pruned.inputs.filter((i) => needed.has(i.name)) }, input, score };
}

/** Mean and std of the card; empty where it has none. */
function checkedColours({ input = {} }: ModelCard, channels: number) {
  const { mean = [], std = [] } = input;
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length > 1 && values.length !== channels) {
      throw new KitError("E_CARD", {
        problem: `${name} has ${values.length} values, the model takes ${channels} channel${channels === 1 ? "" : "s"}`,
        next: "give one value, or one per channel",
      });
    }
  }
  if (!std.every((v) => v > 0)) {
    throw new KitError("E_CARD", {
      problem: `std ${std.join(", ")} must be positive`,
      next: "correct the model card",
    });
  }
  return { mean, std };
}

/** Folds with a free batch where the model allows it, else with the batch it was exported with. */
function withFreeBatch(
  build: (batch: number | string) => { graph: Graph; input: string; score: string },
  {
    batchDim,
    tail,
    what,
    keep,
    assume,
  }: {
    batchDim: number | string;
    tail: string;
    /** what the tail holds */
    what: string;
    /** tensors simplification must leave in place */
    keep: ReadonlySet<string>;
    assume: (s: string) => void;
  },
) {
  const attempt = (batch: number | string) => {
    const { graph, input, score } = build(batch);
    const others = graph.inputs.filter((i) => i.name !== input);
    if (others.length > 0) {
      throw new KitError("E_MODEL_INPUT", {
        problem: `the model wants more than an image: ${others.map((i) => i.name).join(", ")}`,
        next: "export the image classifier alone",
      });
    }
    const folded = simplify(graph, typeof batch === "string" ? batch : undefined, keep);
    const next = `name the output that holds the ${what} (output.name in the model card)`;
    const type = folded.types.get(score)!;
    if (type !== "float32") {
      throw new KitError("E_MODEL_OUTPUT", { problem: `"${tail}" is of type ${type}, not float32`, next });
    }
    if (!ancestors(folded.graph, [score]).has(input)) {
      throw new KitError("E_MODEL_OUTPUT", { problem: `"${tail}" does not depend on the image`, next });
    }
    const [rows, classes] = folded.shapes.get(score)!;
    const free = typeof rows !== "number" && rows.batch === 1;
    const shape = folded.shapes.get(tail) ?? [rows, classes];
    const perRow = typeof batch === "string" ? free : rows === batch;
    if (typeof classes !== "number" || !perRow || !isRow(shape)) {
      throw new KitError("E_MODEL_OUTPUT", {
        problem: `"${tail}" has the shape ${formatShape(shape)}, which is not one row of ${what} per image`,
        next,
      });
    }
    return { folded, input, score, classes, fixedBatch: typeof batch === "string" ? undefined : batch };
  };
  if (typeof batchDim === "string") return attempt("batch");
  try {
    const freed = attempt("batch");
    assume(`the batch dimension was fixed at ${batchDim}; the graph allows any, so it was freed`);
    return freed;
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    assume(`the batch dimension is fixed at ${batchDim}: images run ${batchDim} at a time`);
    return attempt(batchDim);
  }
}

/** [N, K], with axes of length 1 anywhere behind the first; scores on a grid are a segmentation's. */
const isRow = ([, ...axes]: Shape): boolean => axes.filter((d) => d !== 1).length <= 1;

function inferTask(classes: number, tail: Tail, assume: (s: string) => void): Task {
  if (classes === 1) {
    assume("a single output: binary, class 1 where its sigmoid is at least 0.5");
    return "binary";
  }
  if (tail.activation === "Sigmoid") {
    assume("a sigmoid tail: multi-label");
    return "multi-label";
  }
  if (tail.activation === undefined)
    assume("no softmax or sigmoid at the end: multi-class (--task multi-label otherwise)");
  return "multi-class";
}

function checkTask(task: Task, classes: number, tail: Tail): void {
  const wrong =
    task === "binary"
      ? classes !== 1 && `binary means a single output, this model has ${classes}`
      : classes < 2 && `${task} needs at least two outputs, this model has one`;
  if (wrong)
    throw new KitError("E_CARD", {
      problem: wrong,
      next:
        task === "binary"
          ? "two softmax outputs are multi-class; correct --task"
          : "a single output is binary; correct --task",
    });
  const other = { "multi-class": "Sigmoid", "multi-label": "Softmax", binary: "Softmax" }[task];
  if (tail.activation === other || (other === "Softmax" && tail.activation === "LogSoftmax")) {
    throw new KitError("E_CARD", {
      problem: `a model that ends in a ${other.toLowerCase()} is not ${task}`,
      next: "correct --task, or export the logits",
    });
  }
}

/** f → (−f, f): class 0 is the negative answer, so that everything behind sees two classes. */
function signedPair(folded: FoldedGraph, score: string): { folded: FoldedGraph; score: string } {
  const [negative, pair] = [`${score}_negative`, `${score}_pair`];
  const [rows] = folded.shapes.get(score)!;
  return {
    score: pair,
    folded: {
      graph: {
        ...folded.graph,
        nodes: [
          ...folded.graph.nodes,
          node("Neg", [score], [negative]),
          node("Concat", [negative, score], [pair], { axis: attr.int(1) }),
        ],
        outputs: [{ name: pair, type: "float32", dims: [typeof rows === "number" ? rows : "batch", 2] }],
      },
      shapes: new Map([...folded.shapes, [negative, [rows, 1]], [pair, [rows, 2]]]),
      types: new Map([...folded.types, [negative, "float32"], [pair, "float32"]]),
    },
  };
}

function inferFamily(contrastive: boolean, attention: boolean, assume: (s: string) => void): Family {
  const family = contrastive ? "contrastive" : attention ? "transformer" : "cnn";
  const why = contrastive
    ? "normalised embedding times class embeddings"
    : attention
      ? "attention"
      : "no attention";
  assume(`family ${family} (${why})`);
  return family;
}
