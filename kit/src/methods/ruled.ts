/** What methods with backward rules of their own share: a model whose every operator has an agreed rule, or the reason why not. */
import { formatGap, type Gap } from "../autodiff/backward.ts";
import { uncovered } from "../autodiff/rules/linear.ts";
import { KitError } from "../errors.ts";
import type { Feeds, Model, Program } from "../model/model.ts";
import type { Node } from "../onnx/graph.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import type { MethodContext } from "./method.ts";

export interface Ruled extends Program {
  /** "no rule for Gelu: 12 nodes, first /blocks.0/mlp/act"; undefined where every operator has one */
  readonly refuses: (model: Model) => string | undefined;
}

/**
 * A program that is right only where every operator between image and score is linear or `covered` by its rules: elsewhere it would quietly pass
 * the plain gradient on.
 *
 * @returns a program whose `build` throws KitError E_NO_RULE, naming all operators without a rule
 */
export function ruled(program: Program, covered: (n: Node, moved: ReadonlySet<string>) => boolean): Ruled {
  const said = (gaps: readonly Gap[]): readonly string[] => gaps.map(formatGap);
  return {
    ...program,
    refuses({ prepared: { folded, input, score } }) {
      const gaps = said(uncovered(folded, input.name, score, covered));
      return gaps.length === 0 ? undefined : `no rule for ${gaps.join("; ")}`;
    },
    build(parts) {
      const details = said(uncovered(parts.folded, parts.input, parts.score, covered));
      if (details.length === 0) return program.build(parts);
      throw new KitError("E_NO_RULE", {
        problem: "the method has no rule for operators of this model",
        details,
        next: "use a method that is defined for them: saliency, integrated-gradients, or one that needs no gradient",
      });
    },
  };
}

/** What a program of roles `image` and `seed` finds for the explained class; computed once per image and class. */
export function passedBack(
  { probe, x }: Pick<MethodContext, "probe" | "x">,
  program: Program,
  more: Readonly<Record<string, Float32Tensor>> = {},
): Promise<Float32Tensor> {
  const compute = async () => {
    let found = new Float32Array(0);
    const fill = (_: number, feeds: Feeds) => {
      feeds.seed[probe.target] = 1;
      // where all is linear, rules do not read the image
      for (const [role, { data }] of Object.entries({ image: x, ...more })) feeds[role]?.set(data);
    };
    await probe.model.run(program, 1, fill, (_, [gradient]) => {
      found = Float32Array.from(gradient);
    });
    return float32(x.dims, found);
  };
  return Object.keys(more).length === 0 ? probe.once(program.id, compute) : compute();
}
