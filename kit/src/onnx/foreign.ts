/** Models in a form that has no gradient here, told from their operators: all are named at once, with a way out. */
import { KitError } from "../errors.ts";
import { keyOf } from "./expansion.ts";
import { type Graph, labelOf, type Node } from "./graph.ts";
import { plain } from "./read-errors.ts";

interface Form {
  readonly has: RegExp;
  readonly problem: string;
  readonly next: string;
}

const forms: readonly Form[] = [
  {
    // the operator format of quantised models, and quantisation while running
    has: /^(DynamicQuantizeLinear|ConvInteger|MatMulInteger|QLinear\w+|com\.microsoft\.(QLinear\w+|QGemm|QAttention|QMoE|MatMulInteger\w*|MatMulNBits|MatMulBnb4|DynamicQuantize\w+|QEmbed\w+|QOrdered\w+|NhwcMaxPool))$/,
    problem: "the model computes on integers, which has no gradient here",
    next: "quantise it in the QDQ format: quantize_static(…, quant_format=QuantFormat.QDQ), or give the float model",
  },
  {
    has: /^com\.(microsoft\.nchwc|ms\.internal\.nhwc|microsoft\.experimental)\.|^com\.microsoft\.Nhwc\w+$/,
    problem: "ONNX Runtime laid this model out for one kind of machine",
    next: "give the model as it was exported, or optimise it at level ORT_ENABLE_EXTENDED at most",
  },
  {
    has: /^(ai\.onnx\.preview\.training|com\.microsoft\.training)\.|^com\.microsoft\.\w+Grad(Training)?$/,
    problem: "the model was made for training",
    next: "export the model for inference: model.eval(), training=TrainingMode.EVAL",
  },
];

/** Throws KitError E_ONNX_UNSUPPORTED where `graph` is in one of the forms. */
export function refuseForeign(graph: Graph): void {
  for (const { has, problem, next } of forms) {
    const found = new Map<string, Node[]>();
    for (const n of graph.nodes) {
      const key = keyOf(n);
      if (has.test(key)) found.set(key, [...(found.get(key) ?? []), n]);
    }
    if (found.size === 0) continue;
    const details = [...found].map(([key, nodes]) =>
      plain(`${key}: ${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}, first ${labelOf(nodes[0])}`),
    );
    throw new KitError("E_ONNX_UNSUPPORTED", { problem, details, next });
  }
}
