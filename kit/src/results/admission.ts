/**
 * May a valid run stand in results/? What the leaderboard asks beyond a document's truth; the same for `xai-kit submit` and for the check of
 * a pull request.
 */
import { protocols } from "../protocol/protocol.ts";
import type { Run } from "./document.ts";
import { at } from "./strict-json.ts";
import type { Problem } from "./verdict.ts";

export interface Admission {
  readonly refusals: readonly Pick<Problem, "path" | "code" | "message" | "next">[];
  /** how the run will be shown, where that is not as others are */
  readonly notes: readonly string[];
}

/** The files of a run that are handed in, in its folder; nothing else is taken. */
export const submittedFiles = ["run.json", "scores.parquet"] as const;

/** Clocks are wrong: a run may be this many milliseconds ahead of ours. One from further in the future was not measured. */
export const clockTolerance = 24 * 60 * 60 * 1000;

/** @param latest  ISO time, now and `clockTolerance`; the core has no clock of its own */
export function admission({ result, telemetry }: Run, latest: string): Admission {
  const { protocol, data, standard } = result;
  const refusals: Admission["refusals"][number][] = [];
  const notes: string[] = [];
  const path = at(["result", "protocol", "id"]);
  const ranked = protocols.filter((p) => !p.quick).map((p) => p.id);
  if (protocols.some((p) => p.id === protocol.id && p.quick)) {
    refusals.push({
      path,
      code: "E_ADMISSION",
      message: `protocol ${protocol.id} is a first look and never ranked`,
      next: `evaluate again with --protocol ${ranked.at(-1)}`,
    });
  } else if (protocol.id.endsWith("-draft") && data.track !== "synthetic") {
    refusals.push({
      path,
      code: "E_ADMISSION",
      message: `protocol ${protocol.id} is a draft, and drafts appear only in the synthetic track, not in ${data.track}`,
      next: "keep the run until the protocol is released, then evaluate again",
    });
  }
  if (telemetry.date > latest) {
    refusals.push({
      path: at(["telemetry", "date"]),
      code: "E_ADMISSION",
      message: `${telemetry.date} has not come yet`,
      next: "set the clock of the machine, and evaluate again",
    });
  }
  if (!standard) notes.push("not the protocol as it stands: shown, not ranked");
  if (data.track === "own") notes.push("a data set of one's own: shown, ranked nowhere");
  if (data.split === "unknown" && data.splitFile === undefined)
    notes.push("the set has no official split, and no file gave one: shown, not ranked");
  else if (data.split === "unknown")
    notes.push("a selection of one's own in place of the official split: shown, not ranked");
  return { refusals, notes };
}
