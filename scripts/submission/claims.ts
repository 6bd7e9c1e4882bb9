/**
 * What a document claims and its numbers cannot show: which data set it is, and whose model. The registry and the runs on main know better than
 * a stranger's word. Pure.
 */
import { registeredDataset } from "../../kit/src/datasets/open.ts";
import type { SiteRun } from "../../site/lib/run.ts";

export interface Doubt {
  readonly path: string;
  readonly message: string;
  readonly next: string;
}

export function doubtsOf(run: SiteRun, before: readonly SiteRun[]): Doubt[] {
  return [...dataDoubts(run, before), ...modelDoubts(run, before)];
}

/** Track and title decide where a run is shown and under which words, beside everybody's. */
function dataDoubts({ result: { data } }: SiteRun, before: readonly SiteRun[]): Doubt[] {
  const doubt = (key: keyof typeof data, wanted: unknown, who: string): Doubt => ({
    path: `$.result.data.${key}`,
    message: `${JSON.stringify(data[key])}, where ${who} has ${JSON.stringify(wanted)}`,
    next: "evaluate with this version of the kit, on the data set itself",
  });
  const registered = registeredDataset(data.id);
  if (registered === undefined) {
    const message = `the kit has no data set ${data.id}`;
    return [
      {
        path: "$.result.data.id",
        message,
        next: "xai-kit list datasets shows what there is; --data folder takes any other",
      },
    ];
  }
  const doubts = (["track", "ids", "base", "title"] as const).flatMap((key) =>
    registered[key] === undefined || registered[key] === data[key]
      ? []
      : doubt(key, registered[key], "the registry"),
  );
  if (registered.lacks?.includes("split") && data.split !== "unknown" && data.splitFile === undefined) {
    doubts.push({
      path: "$.result.data.split",
      message: `${data.split}, and ${data.id} has no official split`,
      next: "list the samples of your test split in a file, and evaluate with --split FILE",
    });
  }
  const hasSplits = registered.track !== "own" && !registered.lacks?.includes("split");
  if (hasSplits && data.split !== "unknown" && data.splitFile !== undefined) {
    doubts.push({
      path: "$.result.data.splitFile",
      message: `a file of one's own, and ${data.id} has official splits: no selection is its ${data.split} split`,
      next: "evaluate without --split FILE",
    });
  }
  if (doubts.length > 0 || data.ids === "private") return doubts;
  const twin = before.find(
    ({ result: { data: other } }) =>
      other.id === data.id &&
      other.edition === data.edition &&
      other.split === data.split &&
      other.splitFile?.value === data.splitFile?.value,
  );
  if (twin === undefined) return [];
  const known = twin.result.data;
  return (["title", "count", "fingerprint", "classNames"] as const).flatMap((key) =>
    JSON.stringify(known[key]) === JSON.stringify(data[key]) ? [] : doubt(key, known[key], twin.id),
  );
}

/**
 * The newest run of a model on a data set stands for both, so who brings one could put another's aside. It must be of the same weights, and
 * there must be a reason to measure again: a draft that changed, a method or metric with a higher revision, or maps from elsewhere that the
 * other has not.
 */
function modelDoubts(run: SiteRun, before: readonly SiteRun[]): Doubt[] {
  const { model, data, protocol } = run.result;
  const doubts: Doubt[] = [];
  for (const { id, result } of before) {
    if (result.data.id !== data.id || result.model.id !== model.id) continue;
    const other = (["sha256", "architecture", "family"] as const).find(
      (key) => result.model[key] !== model[key],
    );
    if (other !== undefined) {
      doubts.push({
        path: `$.result.model.${other}`,
        message: `${id} has a model of this name with another ${other === "sha256" ? "file" : other}`,
        next: "give yours a name of its own, in its card or its file's name, and evaluate again",
      });
    } else if (result.protocol.id === protocol.id && !isRenewed(run, result)) {
      doubts.push({
        path: "$.result",
        message: `${id} is a run of the same model, data set and protocol, and no method or metric has been revised since`,
        next: "a second run of the same tells nothing new; if the one there is wrong, open an issue",
      });
    }
    if (doubts.length > 0) return doubts;
  }
  return doubts;
}

function isRenewed({ result }: SiteRun, old: SiteRun["result"]): boolean {
  if (result.protocol.sha256 !== old.protocol.sha256) return true;
  const known = new Set(old.methods.flatMap(({ external }) => external?.sha256 ?? []));
  if (result.methods.some(({ external }) => external && !known.has(external.sha256))) return true;
  return (["methods", "metrics"] as const).some((kind) =>
    result[kind].some(({ id, revision }) => {
      const before = old[kind].find((entry) => entry.id === id);
      return before !== undefined && revision > before.revision;
    }),
  );
}
