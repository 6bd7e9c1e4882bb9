/** Normalisations and other operators along an axis that keep the shape. */
import { type Call, info, type Rule } from "./call.ts";

/** Shape-keeping with an `axis` attribute that must exist. */
const along =
  (fallback: number): Rule =>
  (c) => {
    c.axis(c.dims(0).length, fallback);
    return [info(c.type(0), c.dims(0))];
  };

/** Inputs `which` are vectors with one element per channel (axis 1). */
function perChannel(c: Call, which: readonly number[]): void {
  const channels = c.dims(0)[1] ?? 1;
  for (const i of which) {
    if (c.dims(i).join() !== `${channels}`) throw c.wrong(`input ${i} to be [${channels}], one per channel`);
  }
}

const batchNormalization: Rule = (c) => {
  perChannel(c, [1, 2, 3, 4]);
  return [info(c.type(0), c.dims(0)), info(c.type(3), c.dims(3)), info(c.type(4), c.dims(4))];
};

const channelNormalization: Rule = (c) => {
  perChannel(c, [1, 2]);
  return [info(c.type(0), c.dims(0))];
};

const groupNormalization: Rule = (c) => {
  const groups = c.int("num_groups", 0);
  if (groups < 1 || c.dims(0)[1] % groups !== 0) throw c.wrong(`channels in ${groups} equal groups`);
  return channelNormalization(c);
};

const layerNormalization: Rule = (c) => {
  const dims = c.dims(0);
  const axis = c.axis(dims.length, -1);
  const statistics = dims.map((d, i) => (i < axis ? d : 1));
  return [info(c.type(0), dims), info("float32", statistics), info("float32", statistics)];
};

export const normalisation: Readonly<Record<string, Rule>> = {
  BatchNormalization: batchNormalization,
  CumSum: along(0),
  GroupNormalization: groupNormalization,
  Hardmax: along(-1),
  InstanceNormalization: channelNormalization,
  LRN: along(0),
  LayerNormalization: layerNormalization,
  LogSoftmax: along(-1),
  LpNormalization: along(-1),
  MeanVarianceNormalization: along(0),
  Softmax: along(-1),
};
