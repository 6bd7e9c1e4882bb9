/** The guide's answers from all runs, made once per build: every page of the guide asks for them. */
import { allRuns } from "../lib/runs.ts";
import { type Answer, guideOf } from "./guide.ts";

let made: Promise<readonly Answer[]> | undefined;

export function allAnswers(): Promise<readonly Answer[]> {
  made ??= allRuns().then(guideOf);
  return made;
}
