/** What an attribution method is: data about it, and one pure async function of a probe. */
import { KitError } from "../errors.ts";
import type { Surface } from "../model/image.ts";
import type { Model } from "../model/model.ts";
import type { Probe } from "../model/probe.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { type ParamSpecs, type Params, type ParamValue, resolveParams } from "../params.ts";
import type { Rng } from "../rng.ts";

/** How an attribution [C,H,W] becomes a map [H,W]: Σ_c |Φ| for sensitivities, Σ_c Φ for contributions and CAMs. */
export type MapRule = "abs-sum" | "sum";

/** "sensitivity": a rate of change of the score; "contribution": a share of a score difference; "map": neither. */
export type AttributionKind = "sensitivity" | "contribution" | "map";

/** What a method must be able to ask: of the model, and of the data set ("others": further images to compare with). */
export type Need = "gradient" | "cam" | "others";

/** A random draw or data input that can be supplied from outside by this name (`--with noise=n.npy`). */
export interface InputSpec {
  /** "[N,C,H,W]" */
  readonly dims: string;
  readonly description: string;
}

export interface MethodContext<P = Readonly<Record<string, ParamValue>>> {
  readonly probe: Probe;
  /** the image, float32 [C,H,W] in pixel space */
  readonly x: Float32Tensor;
  readonly params: P;
  /** An input supplied from outside, or undefined: then the method draws it. */
  given(name: string): Float32Tensor | undefined;
  /** The seeded stream of this sample for one purpose; the same at x and at any perturbation of x. */
  rng(purpose: string): Rng;
  /** Return the map at its own resolution: a CAM before ReLU and resizing, one value per segment of the image. */
  readonly raw: boolean;
  /** Further images of the data set, the same for every method and metric at this one; none where there is only one image. */
  others(): Promise<readonly Float32Tensor[]>;
}

/** `height` and `width` of the image, and the size of the CAM layer if there is one. */
type Sides = Omit<Surface, "channels">;

/** Model passes one attribution takes. */
export interface Cost {
  readonly forwards: number;
  readonly backwards: number;
}

interface Definition<S extends ParamSpecs> {
  readonly id: string;
  readonly title: string;
  /** arXiv:1234.56789, doi:…, or "control" */
  readonly paper: string;
  /** raised whenever the numbers change */
  readonly revision: number;
  /** one sentence: what it computes */
  readonly summary: string;
  /** in the letters of the docs: Φ attribution, f score, x image, r reference, A activation, g gradient, ⊙ elementwise */
  readonly formula: string;
  /** one sentence: what it cannot see, or where it misleads */
  readonly limits: string;
  readonly kind: AttributionKind;
  readonly map: MapRule;
  /** cannot know the model: run beside every method, never ranked */
  readonly control?: true;
  /** has a map at a resolution of its own, as every CAM has: what `raw` asks for */
  readonly rawMap?: true;
  readonly needs: readonly Need[];
  readonly params: S;
  readonly inputs?: Readonly<Record<string, InputSpec>>;
  /** Why this model cannot be explained so, naming what stands against it; undefined where it can. What `needs` says is asked apart. */
  refuses?(model: Model): string | undefined;
  cost(params: Params<S>, shape: Sides): Cost;
  /** Returns float32 [C,H,W] or [H,W], signed, in units of the score. */
  attribute(context: MethodContext<Params<S>>): Promise<Float32Tensor>;
}

/** A method as the registry holds it: its parameters are checked before it runs. */
export type Method = Omit<Definition<ParamSpecs>, "cost" | "attribute"> & {
  cost(params: Readonly<Record<string, ParamValue>>, shape: Sides): Cost;
  attribute(context: MethodContext): Promise<Float32Tensor>;
};

export function defineMethod<const S extends ParamSpecs>(definition: Definition<S>): Method {
  return definition as unknown as Method;
}

export interface AttributeOptions {
  readonly params?: Readonly<Record<string, ParamValue>>;
  readonly given?: Readonly<Record<string, Float32Tensor>>;
  readonly rng: (purpose: string) => Rng;
  readonly raw?: boolean;
  readonly others?: () => Promise<readonly Float32Tensor[]>;
}

/**
 * Runs `method` on a probe with checked parameters and inputs.
 *
 * @returns float32 [C,H,W] or [H,W]
 * @throws KitError E_PARAM, E_INPUT for inputs the method does not know, E_NO_GRADIENT, E_CAM_LAYER
 */
export async function attribute(
  method: Method,
  probe: Probe,
  options: AttributeOptions,
): Promise<Float32Tensor> {
  const { given = {}, rng, raw = false, others = async () => [] } = options;
  if (raw && !method.rawMap && !method.needs.includes("cam")) {
    throw new KitError("E_PARAM", {
      problem: `${method.id} has no map at a resolution of its own`,
      next: "raw is for CAM methods, and for those that hide segments",
    });
  }
  const known = Object.keys(method.inputs ?? {});
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw new KitError("E_INPUT", {
      problem: `${method.id} takes no input "${name}"`,
      next: known.length ? `it takes: ${known.join(", ")}` : `${method.id} takes no inputs besides the image`,
    });
  }
  return method.attribute({
    probe,
    x: probe.x,
    params: resolveParams(method.id, method.params, options.params),
    given: (name) => (Object.hasOwn(given, name) ? given[name] : undefined),
    rng,
    raw,
    others,
  });
}

/** An attribution [C,H,W] reduced to [H,W] by its method's rule; [H,W] counts as one channel. */
export function toMap(attribution: Float32Tensor, rule: MapRule): Float32Tensor {
  const [height, width] = attribution.dims.slice(-2);
  const pixels = height * width;
  const channels = attribution.data.length / pixels;
  const data = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) {
      const v = attribution.data[c * pixels + i];
      sum += rule === "sum" ? v : Math.abs(v);
    }
    data[i] = sum;
  }
  return { type: "float32", dims: [height, width], data };
}

/** A map clipped at 0 and min-max scaled to [0, 1]; a constant or non-finite one becomes all zeros. */
export function relevance(map: Float32Tensor): Float32Tensor {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const v of map.data) {
    low = Math.min(low, Math.max(v, 0));
    high = Math.max(high, v);
  }
  const range = high - low;
  const scalable = range > 0 && Number.isFinite(range);
  const data = map.data.map((v) => (scalable ? (Math.max(v, 0) - low) / range : 0));
  return { type: "float32", dims: map.dims, data };
}
