/** What somebody may have meant. */

/**
 * Those of `known` that resemble `typed`: one name contains the other, hyphens and case aside (`gradcam`); its words begin with the
 * letters typed (`ig`); or hardly any letters differ (`saliancy`).
 */
export function similar(typed: string, known: readonly string[]): string[] {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const wanted = plain(typed);
  if (wanted === "") return [];
  const exact = known.filter((name) => plain(name) === wanted);
  if (exact.length > 0) return exact;
  return known.filter((name) => {
    const id = plain(name);
    if (initials(name) === wanted) return true;
    if (wanted.length > 2 && (id.includes(wanted) || wanted.includes(id))) return true;
    return editDistance(wanted, id) <= Math.floor(Math.max(wanted.length, id.length) / 4);
  });
}

const initials = (name: string) =>
  name
    .split(/[^a-z0-9]+/i)
    .map((word) => word[0])
    .join("");

/** Letters to change, add, leave out or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          rows[i - 1][j] + 1,
          row[j - 1] + 1,
          rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1),
          swapped ? rows[i - 2][j - 2] + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
