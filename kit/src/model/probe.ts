/**
 * The memoising view of one model at one image: each score, gradient and activation is computed once and shared by every method and
 * metric that asks.
 */
import { KitError } from "../errors.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import type { ReferenceKind } from "./image.ts";
import type { Model, Pass, Wants } from "./model.ts";

export interface Probe {
  readonly model: Model;
  readonly x: Float32Tensor;
  /** index of the explained class */
  readonly target: number;
  logits(): Promise<Float32Array>;
  /** f(x), the logit of the target */
  score(): Promise<number>;
  /** probability of the target */
  probability(): Promise<number>;
  /** d f/dx, [C,H,W] */
  gradient(): Promise<Float32Tensor>;
  /** activation and gradient at the CAM layer, [channels, rows·columns] */
  cam(): Promise<Pick<Pass, "activation" | "activationGradient">>;
  /** Made once, so it must not be written to. */
  reference(kind: ReferenceKind): Float32Tensor;
  /** Logits of a reference image: of one colour, the same at all perturbed images too. */
  referenceLogits(kind: ReferenceKind): Promise<Float32Array>;
  /** Target scores (logits) of `count` other images. */
  scores(count: number, fill: (k: number, out: Float32Array) => void): Promise<Float64Array>;
  /** Target probabilities of `count` other images. */
  probabilities(count: number, fill: (k: number, out: Float32Array) => void): Promise<Float64Array>;
  /** Gradients of the target's score at `count` other images, visited in order. */
  gradients(
    count: number,
    fill: (k: number, out: Float32Array) => void,
    visit: (k: number, gradient: Float32Array) => void,
  ): Promise<void>;
  /** The value of `key`, computed once for this image and target; with `of`, once for each map or attribution, and forgotten with it. */
  once<T>(key: string, compute: () => Promise<T>, of?: Float32Tensor): Promise<T>;
  /** The probe of another image, memoised by `key` (a perturbation several methods are re-run on); `of` as in `once`. */
  at(key: string, make: () => Float32Tensor, of?: Float32Tensor): Probe;
  /** Another class at the same image; the logits are shared. */
  explaining(target: number): Probe;
  /** The same image and class under another model. */
  under(model: Model): Probe;
}

export interface ProbeOptions {
  readonly model: Model;
  readonly x: Float32Tensor;
  readonly target: number;
  /** what the methods of this run will ask of a backward pass at one image, so that one pass serves all */
  readonly wants?: Wants;
}

export function createProbe(options: ProbeOptions): Probe {
  return probeOf(options, sharedBy(createMemo()));
}

/** What the probes of one image and model share, whatever the class they explain. */
interface Shared {
  readonly memo: Memo;
  readonly classes: Map<number, Probe>;
  readonly references: Map<ReferenceKind, Float32Tensor>;
  /** of references that are the same for every image */
  readonly blanks: Memo;
}

const sharedBy = (blanks: Memo): Shared => ({
  memo: createMemo(),
  classes: new Map(),
  references: new Map(),
  blanks,
});

type Memo = <T>(key: string, compute: () => Promise<T>) => Promise<T>;

/** Computes each key once; a failure is not remembered. */
function createMemo(): Memo {
  const kept = new Map<string, Promise<unknown>>();
  return <T>(key: string, compute: () => Promise<T>): Promise<T> => {
    const known = kept.get(key);
    if (known) return known as Promise<T>;
    const computed = compute();
    kept.set(key, computed);
    computed.catch(() => kept.delete(key));
    return computed;
  };
}

/** What `make` gives, one for each object, forgotten with it. */
function perObject<T>(make: () => T): (of: object) => T {
  const kept = new WeakMap<object, T>();
  return (of) => {
    const made = kept.get(of) ?? make();
    kept.set(of, made);
    return made;
  };
}

function probeOf({ model, x, target, wants }: ProbeOptions, shared: Shared): Probe {
  const passes = createMemo();
  const kept = perObject(createMemo);
  const moved = perObject(() => new Map<string, Probe>());
  const others = new Map<Model, Probe>();
  const sameImage = (_: number, out: Float32Array) => out.set(x.data);
  const logitsOf = async (image: Float32Tensor): Promise<Float32Array> => {
    let found = new Float32Array(0);
    await model.forward(
      1,
      (_, out) => out.set(image.data),
      (_, logits) => {
        found = Float32Array.from(logits);
      },
    );
    return found;
  };
  const pass = (all: Wants): Promise<Pass> =>
    passes(`${all.input} ${all.layer}`, async () => {
      let found: Pass | undefined;
      await model.backward(
        1,
        all,
        sameImage,
        () => target,
        (_, p) => {
          found = p;
        },
      );
      return found!;
    });
  const wantsInput = !!wants?.input;
  const wantsLayer = !!wants?.layer && model.cam !== undefined;
  const inputPass = async (): Promise<Pass> => {
    try {
      return await pass({ input: true, layer: wantsLayer });
    } catch (error) {
      // a layer that CAM methods cannot use must not fail those that do not read it
      if (!wantsLayer || !(error instanceof KitError) || error.code !== "E_CAM_LAYER") throw error;
      return pass({ input: true, layer: false });
    }
  };
  const outputs = async (
    count: number,
    fill: (k: number, out: Float32Array) => void,
    read: (l: Float32Array) => number,
  ) => {
    const values = new Float64Array(count);
    await model.forward(count, fill, (k, logits) => {
      values[k] = read(logits);
    });
    return values;
  };

  const probe: Probe = {
    model,
    x,
    target,
    logits: () => shared.memo("logits", () => logitsOf(x)),
    score: async () => (await probe.logits())[target],
    probability: async () => model.probabilities(await probe.logits())[target],
    gradient: async () => float32(x.dims, (await inputPass()).gradient),
    cam: () => pass({ input: wantsInput, layer: true }),
    reference(kind) {
      const made = shared.references.get(kind) ?? model.reference(kind, x);
      shared.references.set(kind, made);
      return made;
    },
    referenceLogits: (kind) =>
      (kind === "blur" ? shared.memo : shared.blanks)(`reference ${kind}`, () =>
        logitsOf(probe.reference(kind)),
      ),
    scores: (count, fill) => outputs(count, fill, (logits) => logits[target]),
    probabilities: (count, fill) => outputs(count, fill, (logits) => model.probabilities(logits)[target]),
    gradients: (count, fill, visit) =>
      model.backward(
        count,
        { input: true, layer: false },
        fill,
        () => target,
        (k, p) => visit(k, p.gradient),
        { input: true, layer: wantsLayer },
      ),
    once: (key, compute, of = x) => kept(of)(key, compute),
    at(key, make, of = x) {
      const known = moved(of);
      const made = known.get(key) ?? probeOf({ model, x: make(), target, wants }, sharedBy(shared.blanks));
      known.set(key, made);
      return made;
    },
    explaining(other) {
      const made = shared.classes.get(other) ?? probeOf({ model, x, target: other, wants }, shared);
      shared.classes.set(other, made);
      return made;
    },
    under(other) {
      const made = others.get(other) ?? createProbe({ model: other, x, target, wants });
      others.set(other, made);
      return made;
    },
  };
  shared.classes.set(target, probe);
  return probe;
}
