/** Which runs are ranked: one rule for the leaderboard and for what is said across runs. */
import type { Result } from "./document.ts";

/** A quick run is a first look; a run that departs from its protocol is not comparable. */
export const isQuick = ({ protocol }: Pick<Result, "protocol">): boolean => protocol.id === "quick";

/** Until its release a protocol is a draft. */
export const isDraft = ({ protocol }: Pick<Result, "protocol">): boolean =>
  protocol.id.endsWith("-draft") || isQuick({ protocol });

/** Why a run is shown without ranks, whatever it found; undefined for one that is ranked. */
export function whyUnranked(
  result: Pick<Result, "protocol" | "standard"> & {
    readonly data: Pick<Result["data"], "track" | "split" | "splitFile">;
  },
): string | undefined {
  const { standard, data } = result;
  if (isQuick(result)) return "quick runs are never ranked";
  if (!standard) return "not the protocol as it stands, so not ranked";
  if (data.track === "own") return "a data set of one’s own, so not ranked";
  if (data.split === "unknown")
    return data.splitFile === undefined
      ? "no official test split, so not ranked"
      : "a selection of one’s own in place of the official split, so not ranked";
  return undefined;
}
