/** Every operator that can be inferred: its name → its rule, per domain. */
import { algebra } from "./algebra.ts";
import type { Rule } from "./call.ts";
import { elementwise } from "./elementwise.ts";
import { generators } from "./generators.ts";
import { indexing } from "./indexing.ts";
import { layout } from "./layout.ts";
import { normalisation } from "./normalisation.ts";
import { reductions } from "./reductions.ts";
import { sampling } from "./sampling.ts";
import { windows } from "./windows.ts";

/** Operators ONNX Runtime adds; the rest of their rules stand with their kin. */
const microsoftOps = ["BiasGelu", "FusedMatMul", "Gelu", "QuickGelu"];

const all = new Map<string, Rule>(
  [elementwise, reductions, windows, layout, algebra, normalisation, indexing, generators, sampling].flatMap(
    (table) => Object.entries(table),
  ),
);
const microsoft = new Map(microsoftOps.map((op) => [op, all.get(op)!]));
const standard = new Map([...all].filter(([op]) => op === "Gelu" || !microsoftOps.includes(op)));

/** Operators that are left out, and why: what an error says when a model has one. */
export const refused: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    "it draws random numbers, and a random model has no explanation to measure":
      "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
    "the size of its output depends on values, which differ from image to image": "Unique",
    "recurrent networks are not supported": "GRU LSTM RNN Scan",
    "detectors are not supported": "MaxRoiPool NonMaxSuppression RoiAlign",
    "deformable convolutions are not supported": "DeformConv",
    "signal processing is not supported": "BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT",
    "a model for inference has no loss": "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
    "sequences and optional values are not supported": `ConcatFromSequence Optional OptionalGetElement
      OptionalHasElement SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength
      SequenceMap SplitToSequence`,
    "text and files are not supported":
      "ImageDecoder RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer",
    "determinants are not supported": "Det",
  }).flatMap(([why, ops]) => ops.split(/\s+/).map((op) => [op, why])),
);

export function rules(domain: string): ReadonlyMap<string, Rule> {
  if (domain === "" || domain === "ai.onnx") return standard;
  return domain === "com.microsoft" ? microsoft : new Map();
}
