/** Writes kit/docs/operators.md: what the registries of the kit know of every operator of ONNX. */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { noGradient, type Sample } from "../kit/src/autodiff/vjp.ts";
import { vjps } from "../kit/src/autodiff/vjps/index.ts";
import { KitError } from "../kit/src/errors.ts";
import { contrib } from "../kit/src/onnx/contrib/index.ts";
import { isControlFlow } from "../kit/src/onnx/control-flow.ts";
import { refuseForeign } from "../kit/src/onnx/foreign.ts";
import { canonicalOpset, node } from "../kit/src/onnx/graph.ts";
import { refused, rules } from "../kit/src/onnx/inference/index.ts";
import { quantised } from "../kit/src/onnx/quantised.ts";
import { changes, newestOpset, oldestOpset } from "../kit/src/onnx/upgrade.ts";

const help = `usage: node scripts/operators.ts [--check]

Writes kit/docs/operators.md from the registries of the kit: each operator of
ONNX, the opsets it is read in, its gradient, and how that is proved.

  --check  only tell whether the page is what they say`;

/** Every operator of the standard domain up to opset 21, by the opset that brought it; 11 stands for all before. */
const standard: Readonly<Record<number, string>> = {
  11: `Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift Cast Ceil
    Clip Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum
    DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike Flatten Floor
    GRU Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater HardSigmoid Hardmax
    Identity If InstanceNormalization IsInf IsNaN LRN LSTM LeakyRelu Less Log LogSoftmax Loop LpNormalization LpPool
    MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization Min Mod Mul Multinomial Neg
    NonMaxSuppression NonZero Not OneHot Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RNN RandomNormal
    RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign
    Round Scan ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert
    SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split
    SplitToSequence Sqrt Squeeze StringNormalizer Sub Sum Tan Tanh TfIdfVectorizer ThresholdedRelu Tile TopK Transpose
    Unique Unsqueeze Where Xor`,
  12: "Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
  14: "HardSwish Trilu",
  15: "Bernoulli CastLike Optional OptionalGetElement OptionalHasElement",
  16: "GridSample",
  17: "BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap",
  18: "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization Mish",
  19: "DeformConv",
  20: "AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit",
};

/** Operators whose values come from sizes and constants: usually nothing of them is left after reading. */
const folded = ["Constant", "ConstantOfShape", "EyeLike", "NonZero", "Range", "Shape", "Size"];

const cell = (text: string): string => text.replaceAll("|", "\\|");
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly string[]): readonly string[] => [
  row(...head),
  row(...head.map(() => "---")),
  ...rows,
];

/** "13, 18": the opsets at which an older form is rewritten. */
const rewritten = (op: string): string =>
  changes.flatMap(([name, since]) => (name === op ? [`${since}`] : [])).join(", ");

const often = (samples: readonly Sample[], which: (s: Sample) => boolean): string =>
  `${samples.filter(which).length}`;

/** What a model with this operator is told, where it marks a form that is refused as a whole; else undefined. */
function foreignReason(op: string): string | undefined {
  const graph = { name: "", opsets: {}, inputs: [], outputs: [], initializers: new Map() };
  try {
    refuseForeign({ ...graph, nodes: [node(op, ["x"], ["y"])] });
    return undefined;
  } catch (error) {
    if (error instanceof KitError) return error.message;
    throw error;
  }
}

function reasonFor(op: string): string {
  const reason = refused[op] ?? foreignReason(op);
  if (reason === undefined) throw new Error(`no reason is given why ${op} is not read`);
  return reason;
}

const differentiated = (op: string): boolean => op in vjps && vjps[op] !== noGradient;

/** What becomes of the gradient at an operator that has no rule of its own; undefined if it is not read. */
function otherwise(op: string): string | undefined {
  if (op in contrib) return `by expansion: ${contrib[op].says}`;
  if (folded.includes(op)) return "none: made of sizes and constants";
  if (vjps[op] === noGradient) return "none: piecewise constant";
  if (op in quantised) return "straight through, clipped: written as float arithmetic when sizes are known";
  if (isControlFlow(node(op, [], []))) return "the gradient of the branch or the iterations that are run";
  if (op === "Dropout") return "none needed: read as Identity, which inference makes of it";
  return undefined;
}

export function operatorsPage(): string {
  const all = Object.entries(standard)
    .flatMap(([since, text]) => text.split(/\s+/).map((op) => ({ op, since: Number(since) })))
    .sort((a, b) => (a.op < b.op ? -1 : 1));
  const known = new Set(all.map(({ op }) => op));
  const strangers = [...rules("").keys(), ...Object.keys(refused)].filter((op) => !known.has(op));
  if (strangers.length > 0) throw new Error(`not among the operators of ONNX here: ${strangers.join(", ")}`);

  const withRule = all.filter(({ op }) => differentiated(op));
  const without = all.flatMap(({ op, since }) => {
    const what = differentiated(op) ? undefined : otherwise(op);
    return what === undefined ? [] : [{ op, since, what }];
  });
  const unread = all.filter(({ op }) => !differentiated(op) && otherwise(op) === undefined);
  const samples = withRule.flatMap(({ op }) => vjps[op].samples);
  const twice = (s: Sample): boolean => s.at === undefined;

  return `${[
    "# Operators",
    "",
    "Which operators of ONNX are read, what their gradient is, and how that is proved. Written by `scripts/operators.ts` from the",
    "registries of the kit; do not edit by hand.",
    "",
    `Models of opset ${oldestOpset} to ${newestOpset} are read; whatever they were written in, they are brought to opset ${canonicalOpset} first, so each operator has one`,
    "shape rule and one gradient rule. The shape rule of every operator that is read is compared with ONNX Runtime",
    "(`kit/test/onnx-ops.test.ts`). A model with an operator that is not read, or without a gradient where a method needs one, is refused",
    "before anything is run, with all such operators and their nodes.",
    "",
    `${all.length} operators: ${withRule.length} with a gradient rule, ${without.length} without need of one, ${unread.length} not read. ${Object.keys(contrib).length} more are read by writing them in these.`,
    "",
    "## With a gradient",
    "",
    `${samples.length} samples (small graphs of one node). On each, the gradient graph is run by ONNX Runtime and compared with central differences of the`,
    "node, or with exact values at ties and kinks (`kit/src/autodiff/gradcheck.ts`).",
    "",
    "- **opsets**: in brackets, the opsets at which the operator changed so that an older form is rewritten.",
    "- **samples**: how many there are.",
    "- **twice**: on how many the gradient of the gradient is compared with differences of the gradient. At a tie there is none.",
    "- **free batch**: on how many the gradient is built again with an open batch axis and must be the same.",
    "- **not covered**: uses of the operator that are refused.",
    "",
    ...table(
      ["operator", "opsets", "samples", "twice", "free batch", "not covered"],
      withRule.map(({ op, since }) => {
        const { samples, limits = [] } = vjps[op];
        const changed = rewritten(op);
        return row(
          `\`${op}\``,
          `${since}–${newestOpset}${changed ? ` (${changed})` : ""}`,
          `${samples.length}`,
          often(samples, twice),
          often(samples, (s) => s.batch !== undefined),
          limits.map((l) => l.what).join("; "),
        );
      }),
    ),
    "",
    "## Without a rule of their own",
    "",
    ...table(
      ["operator", "opsets", "gradient"],
      without.map(({ op, since, what }) => {
        const changed = rewritten(op);
        return row(`\`${op}\``, `${since}–${newestOpset}${changed ? ` (${changed})` : ""}`, what);
      }),
    ),
    "",
    "## By expansion",
    "",
    "Operators that are written in those above when a model is read, and so have their gradients. Without a domain: standard ones newer",
    `than opset ${canonicalOpset}.`,
    "",
    ...table(
      ["operator", "written as"],
      Object.entries(contrib)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([op, { says }]) => row(`\`${op}\``, says)),
    ),
    "",
    "Functions that a model brings along are inlined.",
    "",
    "## Not read",
    "",
    ...table(
      ["operator", "since opset", "why"],
      unread.map(({ op, since }) => row(`\`${op}\``, `${since}`, reasonFor(op))),
    ),
  ].join("\n")}\n`;
}

const target = new URL("../kit/docs/operators.md", import.meta.url);

function main(): void {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) console.log(help);
  else if (!values.check) writeFileSync(target, operatorsPage());
  else if (readFileSync(target, "utf8") !== operatorsPage()) {
    console.error("kit/docs/operators.md is not current: run node scripts/operators.ts");
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main();
