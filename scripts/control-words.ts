/** What a control must score on a metric, in words. */
import type { Expectation } from "../kit/src/stats/expectation.ts";

/** Enough digits to tell values apart that are told apart: 0.3333. */
export const digits = (value: number): string => `${Number(value.toPrecision(4))}`;

export function mustScore(expectation: Expectation): string {
  if ("every" in expectation) {
    const { every, within } = expectation;
    return `${digits(every)}${within === 0 ? "" : ` ± ${digits(within)}`} on every image`;
  }
  if ("mean" in expectation)
    return `a mean of ${digits(expectation.mean)} ± ${digits(expectation.within)} over images`;
  if ("skipped" in expectation) return "no score";
  if ("above" in expectation) return `more than ${digits(expectation.above)} on every image`;
  if ("like" in expectation) {
    const { like, on, within } = expectation;
    return `the mean of \`${like}\`${on === undefined ? "" : ` on \`${on}\``}, to ${digits(within)} and five standard errors`;
  }
  return `not known beforehand: ${expectation.open}`;
}
