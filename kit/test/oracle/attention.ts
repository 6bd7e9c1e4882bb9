/** Methods that read attention. */
import { plain, type Table } from "./fixture.ts";

const raw = (method: string, params = {}) => plain(method, params, undefined, true);

export const attention: Table = {
  "own.rollout_mean": raw("attention-rollout"),
  "own.rollout_max": raw("attention-rollout", { heads: "max" }),
  "own.rollout_min": raw("attention-rollout", { heads: "min" }),
  "own.chefer_attn": raw("generic-attention"),
};
