/** What several methods share: the reference image as a parameter, and a supplied baseline in its place. */
import { KitError } from "../errors.ts";
import { type ReferenceKind, referenceKinds } from "../model/image.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import type { ParamSpec, ParamValue } from "../params.ts";
import type { InputSpec, Method, MethodContext } from "./method.ts";

export const referenceParam = {
  type: "choice",
  choices: referenceKinds,
  default: "mean",
  description: "the neutral image: the model card's mean colour, black, or the blurred image",
} as const satisfies ParamSpec;

export const baselineInput: InputSpec = {
  dims: "[C,H,W]",
  description: "the neutral image itself, in place of `reference`",
};

/** The reference image that a method's contributions are counted from; undefined for other methods, and those counted from elsewhere. */
export const referenceOf = (
  { kind }: Pick<Method, "kind">,
  params: Readonly<Record<string, ParamValue>>,
): ReferenceKind | undefined =>
  kind === "contribution" ? referenceKinds.find((known) => known === params.reference) : undefined;

/** The supplied baseline, else the reference image of this kind. */
export function baselineOf(
  { given, probe, x }: Pick<MethodContext, "given" | "probe" | "x">,
  kind: ReferenceKind,
): Float32Tensor {
  const supplied = given("baseline");
  return supplied === undefined
    ? probe.reference(kind)
    : float32(x.dims, ofShape("baseline", supplied, x.dims).data);
}

/** f(r) of the same: one pass for all that count from a reference, unless the baseline was supplied. */
export async function baselineScore(
  context: Pick<MethodContext, "given" | "probe" | "x">,
  kind: ReferenceKind,
): Promise<number> {
  const { given, probe } = context;
  if (given("baseline") === undefined) return (await probe.referenceLogits(kind))[probe.target];
  const { data } = baselineOf(context, kind);
  const [score] = await probe.scores(1, (_, out) => out.set(data));
  return score;
}

/**
 * Checks an input against the dims it must have; "N" entries (null) are any number but 0. A leading 1 is dropped where a dimension is too many.
 *
 * @throws KitError E_INPUT naming the input, its dims and the expected ones
 */
export function ofShape(
  name: string,
  tensor: Float32Tensor,
  dims: readonly (number | null)[],
): Float32Tensor {
  const own =
    tensor.dims.length === dims.length + 1 && tensor.dims[0] === 1 ? tensor.dims.slice(1) : tensor.dims;
  if (own.length === dims.length && own.every((d, i) => dims[i] === d || (dims[i] === null && d > 0))) {
    return own === tensor.dims ? tensor : { ...tensor, dims: own };
  }
  throw new KitError("E_INPUT", {
    problem: `input "${name}" has dims [${tensor.dims.join(", ")}]`,
    next: `expected [${dims.map((d) => d ?? "N").join(", ")}]`,
  });
}
