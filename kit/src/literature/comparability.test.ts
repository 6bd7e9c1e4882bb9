import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { comparability } from "./comparability.ts";
import { type LiteratureColumn, readLiterature } from "./document.ts";

const column = (changes: Partial<LiteratureColumn> = {}, quantity: object = {}): LiteratureColumn => ({
  id: "del",
  quantity: { printed: "Del", ours: "deletion-auc", ...quantity },
  better: "lower",
  scale: "unit",
  ...changes,
});
const tableOf = (own: LiteratureColumn, value = 0.2) => ({
  columns: [own],
  rows: [{ model: "A", cells: [{ column: "del", printed: `${value}`, value }] }],
});

it("lets values of one definition on one scale stand side by side", () => {
  expect(comparability(tableOf(column()), "del", "deletion-auc")).toEqual({ comparable: true });
  const auroc = column({ better: "higher" }, { ours: "auroc" });
  expect(comparability(tableOf(auroc), "del", "auroc")).toEqual({ comparable: true });
  const entropy = column({ scale: "nats" }, { ours: "entropy" });
  expect(comparability(tableOf(entropy, 10), "del", "entropy")).toEqual({ comparable: true });
});

it.each([
  ["another metric", column(), "insertion-auc", "it is deletion-auc, not insertion-auc"],
  ["no metric", column(), "deletion", "there is no metric or measure of classification deletion"],
  [
    "another scale",
    column({ scale: "unnormalised" }),
    "deletion-auc",
    "another scale: published unnormalised, here unit",
  ],
  ["another direction", column({ better: "higher" }), "deletion-auc", "higher is better there, lower here"],
  [
    "another definition",
    column({}, { differs: "It hides with noise." }),
    "deletion-auc",
    "defined otherwise: It hides with noise.",
  ],
  [
    "nothing of ours",
    column({ quantity: { printed: "Liking", notOurs: "Nobody is asked." } }),
    "deletion-auc",
    "not measured here: Nobody is asked.",
  ],
  [
    "a metric on a scale of its own",
    column({ better: "higher" }, { ours: "faith" }),
    "faith",
    "faith has no scale that publications share",
  ],
])("refuses %s", (_, own, metric, reason) => {
  expect(comparability(tableOf(own), "del", metric)).toEqual({ comparable: false, reason });
});

it("refuses values that ours cannot have, whatever scale the column is said to have", () => {
  expect(comparability(tableOf(column(), 4.22), "del", "deletion-auc")).toEqual({
    comparable: false,
    reason: "4.22 is no value that deletion-auc can have",
  });
});

it("refuses a column that is not there", () => {
  expect(comparability(tableOf(column()), "ins", "insertion-auc")).toMatchObject({ comparable: false });
});

it("never mixes the published areas of UCES, 4 to 9, with ours", () => {
  const file = new URL("../../../results/literature/uces.json", import.meta.url);
  const { literature } = readLiterature(readFileSync(file), "uces.json");
  for (const table of literature!.tables.filter(({ id }) => id === "V" || id === "VI")) {
    for (const id of ["deletion-auc", "insertion-auc"]) {
      const values = table.rows.map(({ cells }) => cells.find((c) => c.column === id)!.value);
      expect(Math.min(...values)).toBeGreaterThan(4);
      expect(comparability(table, id, id)).toEqual({
        comparable: false,
        reason: "another scale: published unnormalised, here unit",
      });
    }
  }
});
