/** Operators that fold axes away. */
import { reducedAxes } from "../../../onnx/inference/reductions.ts";
import { inLast, type Kernel, lastAxis, type Made, type Step, type Tf, type TfTensor } from "../kernel.ts";

type Fold = (tf: Tf, x: TfTensor, axes: number[], keep: boolean) => TfTensor;

/** Folding no axes leaves the elements alone, whatever a library takes an empty list for. */
const over =
  (f: (tf: Tf, x: TfTensor, axes: number[], keep: boolean) => TfTensor): Fold =>
  (tf, x, axes, keep) =>
    axes.length === 0 ? x : f(tf, x, axes, keep);

const sum = over((tf, x, axes, keep) => tf.sum(x, axes, keep));
const most = over((tf, x, axes, keep) => tf.max(x, axes, keep));

const folds: Readonly<Record<string, Fold>> = {
  ReduceL1: (tf, x, axes, keep) => sum(tf, tf.abs(x), axes, keep),
  ReduceL2: (tf, x, axes, keep) => tf.sqrt(sum(tf, tf.square(x), axes, keep)),
  ReduceLogSum: (tf, x, axes, keep) => tf.log(sum(tf, x, axes, keep)),
  ReduceLogSumExp: (tf, x, axes, keep) => {
    const top = most(tf, x, axes, true);
    const total = tf.log(sum(tf, tf.exp(tf.sub(x, top)), axes, keep));
    return tf.add(total, keep ? top : tf.reshape(top, total.shape));
  },
  ReduceMax: most,
  ReduceMean: over((tf, x, axes, keep) => tf.mean(x, axes, keep)),
  ReduceMin: over((tf, x, axes, keep) => tf.min(x, axes, keep)),
  ReduceProd: over((tf, x, axes, keep) => tf.prod(x, axes, keep)),
  ReduceSum: sum,
  ReduceSumSquare: (tf, x, axes, keep) => sum(tf, tf.square(x), axes, keep),
};

/** Channels last stays channels last, or comes out in ONNX order where nothing but batch and channels is left. */
const reduce =
  (fold: Fold): Kernel =>
  (s): Made => {
    const axes = [...reducedAxes(s.c)];
    const keep = s.c.int("keepdims", 1) === 1;
    const rank = s.c.dims(0).length;
    const spatial = Array.from({ length: rank - 2 }, (_, i) => i + 2).every((a) => axes.includes(a));
    if (rank > 2 && inLast(s, 0) && (keep || spatial)) {
      const made = fold(
        s.tf,
        s.last(0),
        axes.map((a) => lastAxis(a, rank)),
        keep,
      );
      return keep ? { last: made } : made;
    }
    return fold(s.tf, s.x(0), axes, keep);
  };

/** The first of equal values, or the last where `select_last_index` says so. */
const arg =
  (f: (tf: Tf, x: TfTensor, axis: number) => TfTensor): Kernel =>
  (s: Step) => {
    const { tf, c } = s;
    const axis = c.axis(c.dims(0).length, 0);
    const dims = [...s.outputs[0].dims];
    const x = tf.cast(s.x(0), "float32");
    if (c.int("select_last_index", 0) === 0) return tf.reshape(f(tf, x, axis), dims);
    const fromEnd = f(tf, tf.reverse(x, axis), axis);
    return tf.reshape(tf.sub(tf.scalar(c.dims(0)[axis] - 1, "int32"), fromEnd), dims);
  };

export const reductions: Readonly<Record<string, Kernel>> = {
  ...Object.fromEntries(Object.entries(folds).map(([op, fold]) => [op, reduce(fold)])),
  ArgMax: arg((tf, x, axis) => tf.argMax(x, axis)),
  ArgMin: arg((tf, x, axis) => tf.argMin(x, axis)),
};
