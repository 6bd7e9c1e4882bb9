/** A comparison document as the page shows it. */
import type { Comparison } from "../../kit/src/comparison/document.ts";
import { methods as registry } from "../../kit/src/methods/index.ts";
import { estimate } from "../lib/format.ts";
import type { SiteRun } from "../lib/run.ts";
import { isDraft, isQuick, isSynthetic } from "../lib/select.ts";
import { type UcesSheet, valuesFrom } from "./uces.ts";

export interface Compared {
  readonly id: string;
  readonly name: string;
  /** "Chest radiographs, drawn" where a run here says so */
  readonly data: string;
  readonly protocol: string;
  /** runs here, of those that it names */
  readonly runs: readonly SiteRun[];
  readonly models: readonly { readonly id: string; readonly seeds: number }[];
  readonly sheet: UcesSheet | undefined;
  /** methods without a score, and why; what is not computed at all */
  readonly without: readonly { readonly of: string; readonly reason: string }[];
  readonly consistency: Comparison["consistency"];
}

const titleOf = (method: string): string => registry.find(({ id }) => id === method)?.title ?? method;

export function comparedOf(comparison: Comparison, all: readonly SiteRun[]): Compared {
  const { data, name, models, uces, consistency, gaps, protocol } = comparison;
  const identities = new Set(models.flatMap((model) => model.runs.map(({ sha256 }) => sha256)));
  const runs = all.filter(({ trust }) => trust !== undefined && identities.has(trust.identity));
  const id = `${data}/${name}`;
  const scored = uces?.methods.filter((method) => method.models.length > 0) ?? [];
  const ids = models.map((model) => model.id);
  return {
    id,
    name,
    data: all.find(({ result }) => result.data.id === data)?.result.data.title ?? data,
    protocol: protocol.id,
    runs,
    models: models.map((model) => ({ id: model.id, seeds: model.runs.length })),
    sheet:
      uces && scored.length > 0
        ? {
            id,
            alpha: uces.alpha,
            models: ids,
            methods: scored.map((method) => ({
              method: method.method,
              title: titleOf(method.method),
              values: ids.map((model) =>
                valuesFrom(method.models.find((standing) => standing.model === model)!.indicators),
              ),
            })),
          }
        : undefined,
    without: [
      ...gaps.map(({ metric, model, reason }) => ({
        of: `${metric === "uces" ? "UCES" : "Consistency"}${model === null ? "" : ` of ${model}`}`,
        reason,
      })),
      ...(uces?.methods ?? []).flatMap(({ method, reason }) =>
        reason === null ? [] : [{ of: titleOf(method), reason }],
      ),
    ],
    consistency,
  };
}

/** Why a comparison is no advice; undefined where it may be. */
export function whyNoAdvice({ runs, protocol }: Pick<Compared, "runs" | "protocol">): string | undefined {
  if (protocol === "quick" || runs.some(isQuick)) return "of quick runs";
  if (runs.some(isSynthetic)) return "of drawn images";
  return protocol.endsWith("-draft") || runs.some(isDraft) ? "of a draft protocol" : undefined;
}

type Entry = Comparison["consistency"][number];

export interface ConsistencyRow {
  readonly method: string;
  readonly title: string;
  readonly control: boolean;
  readonly value: number | null;
  readonly interval: readonly number[] | null;
}

/** The most consistent first, controls behind. */
export const consistencyRows = ({ methods }: Entry): ConsistencyRow[] =>
  methods
    .map(({ method, control, value, interval }) => ({
      method,
      title: titleOf(method),
      control,
      value,
      interval,
    }))
    .toSorted((a, b) => Number(a.control) - Number(b.control) || (b.value ?? -1) - (a.value ?? -1));

export function consistencyAnswer(entry: Entry, seeds: number): string {
  const rows = consistencyRows(entry).filter(({ control, value }) => !control && value !== null);
  if (rows.length === 0) return "Not enough evidence: no method has regions to compare.";
  const [most, least] = [rows[0], rows.at(-1)!];
  const figure = ({ title, value, interval }: ConsistencyRow) => `${title} (${estimate(value, interval)})`;
  if (rows.length === 1) return `Over ${seeds} seeds of ${entry.model}, ${figure(most)}.`;
  const apart = most.interval !== null && least.interval !== null && most.interval[0] > least.interval[1];
  return apart
    ? `Over ${seeds} seeds of ${entry.model} the regions of ${figure(most)} overlap most, those of ${figure(least)} least.`
    : `Over ${seeds} seeds of ${entry.model} methods cannot be told apart: from ${figure(least)} to ${figure(most)}.`;
}
