/** Whether a published value may stand beside ours. */
import type { LiteratureTable } from "./document.ts";
import { knownOf } from "./quantities.ts";

export type Comparability =
  | { readonly comparable: true }
  | { readonly comparable: false; readonly reason: string };

const no = (reason: string): Comparability => ({ comparable: false, reason });

/**
 * Whether the values of a column may be shown beside scores of `id`, a metric of the registry or a measure of classification. Whoever
 * shows published values asks this first: what is on another scale, or defined otherwise, never shares an axis or an order with ours.
 * Comparable says nothing of models and data, which are the publication's own.
 */
export function comparability(
  { columns, rows }: Pick<LiteratureTable, "columns" | "rows">,
  column: string,
  id: string,
): Comparability {
  const own = columns.find((c) => c.id === column);
  if (own === undefined) return no(`the table has no column ${column}`);
  const known = knownOf(id);
  if (known === undefined) return no(`there is no metric or measure of classification ${id}`);
  const { quantity, better, scale } = own;
  if (quantity.ours === undefined) return no(`not measured here: ${quantity.notOurs}`);
  if (quantity.ours !== id) return no(`it is ${quantity.ours}, not ${id}`);
  if (known === "no common scale") return no(`${id} has no scale that publications share`);
  if (scale !== known.scale) {
    return no(`another scale: published ${scale}, here ${known.scale}`);
  }
  if (better !== known.better) return no(`${better} is better there, ${known.better} here`);
  const [low, high] = known.range;
  const outside = rows
    .flatMap(({ cells }) => cells)
    .find(
      (c) => c.column === column && ((low !== null && c.value < low) || (high !== null && c.value > high)),
    );
  if (outside !== undefined) return no(`${outside.printed} is no value that ${id} can have`);
  return quantity.differs === undefined ? { comparable: true } : no(`defined otherwise: ${quantity.differs}`);
}
