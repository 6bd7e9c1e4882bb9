/** The same numbers as a table, with their distance from Node's. */
import { count, number, power } from "../../lib/format.ts";
import { parityTolerance, type Reference, type StoredIndex } from "../reference.ts";
import { scoreText } from "./cards.ts";
import { all, one, write } from "./dom.ts";
import { parityOf, type Result } from "./results.ts";

const rows = new Map(all<HTMLElement>("[data-row]").map((row) => [row.dataset.row!, row]));
const section = one<HTMLElement>(".numbers");

export function chooseRows(methods: readonly string[]): void {
  for (const [id, row] of rows) row.hidden = !methods.includes(id);
}

/** @param reference  Node's values, where this picture, class and model have some */
export function showRow(id: string, result: Result | undefined, reference: Reference | undefined): void {
  const row = rows.get(id)!;
  write(row, "ms", number(result?.ms, 1));
  write(row, "passes", result?.passes === undefined ? "–" : count(result.passes));
  for (const cell of all<HTMLElement>("[data-score]", row)) {
    const score = result?.scores[cell.dataset.score as keyof Result["scores"]];
    cell.textContent = score && "skip" in score ? `– ${score.skip}` : scoreText(score);
  }
  const parity = result && reference && parityOf(id, result, reference);
  write(row, "map-difference", parity ? `${power(parity.map)} ${parity.within ? "✓" : "✕"}` : "–");
  write(row, "score-difference", parity ? power(parity.scores) : "–");
  row.toggleAttribute("data-beyond", parity ? !parity.within : false);
}

export function setParity({ verdict, words }: { readonly verdict?: string; readonly words: string }): void {
  write(section, "verdict", verdict ?? "");
  write(section, "parity-words", words);
}

/** What is compared with what, or why nothing is. */
export function parityWords(
  { engine, survey, sample }: Omit<StoredIndex, "models">,
  { stored, otherClass }: { readonly stored: boolean; readonly otherClass: boolean },
  results: ReadonlyMap<string, Result>,
  reference: Reference | undefined,
  methods: readonly string[],
): Parameters<typeof setParity>[0] {
  if (!stored) {
    const where = `of drawn picture ${sample} with each of the kit's models`;
    return { words: `No stored reference for this picture: Node's values are kept ${where}.` };
  }
  if (otherClass) {
    return { words: "No stored reference for this class: Node's values are of the predicted one." };
  }
  const { package: name, version, provider } = engine;
  const { maps, above, largest, pictures } = survey;
  const what = `Compared with ${name} ${version} (${provider}) on this picture: the largest difference of a map as a share of its largest value, and that of its scores; ${power(parityTolerance)} is allowed.`;
  const rare = `On the first ${pictures} test pictures ${above} of ${count(maps)} maps differ by more, the most by ${power(largest)}: where a ReLU's input is 0 but for rounding, two engines may take different sides.`;
  const found = methods.flatMap((id) => {
    const result = results.get(id);
    const parity = result && reference && parityOf(id, result, reference);
    return parity ? [parity] : [];
  });
  const agreeing = found.filter((p) => p.within).length;
  return {
    verdict: found.length === 0 ? undefined : `${agreeing} of ${found.length} methods agree with Node.`,
    words: `${what} ${rare}`,
  };
}
