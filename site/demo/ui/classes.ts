/** Predictions as bars, which are also the choice of the class that is explained. */
import { percent } from "../../lib/format.ts";
import type { PredictionFacts } from "../messages.ts";
import { one } from "./dom.ts";

/** Rows shown; further classes are in a list below. */
const most = 6;

export interface ClassesView {
  readonly names: readonly string[];
  readonly prediction: Pick<PredictionFacts, "probabilities" | "predicted"> | undefined;
  /** explained: index, or −1 before anything is known */
  readonly target: number;
  /** index of the true class, where it is known */
  readonly truth: number | undefined;
}

export function createClasses(onChoose: (index: number) => void): (view: ClassesView) => void {
  const rows = one<HTMLElement>("[data-rows]");
  const more = one<HTMLElement>("[data-more]");
  const select = one<HTMLSelectElement>("[data-more-select]");
  select.addEventListener("change", () => onChoose(Number(select.value)));

  return ({ names, prediction, target, truth }) => {
    const order = [...names.keys()];
    // few classes keep their places, so that the eye finds them again; of many the likeliest come first
    if (prediction && names.length > most)
      order.sort((a, b) => prediction.probabilities[b] - prediction.probabilities[a]);
    const shown = order.slice(0, most);
    if (target >= 0 && !shown.includes(target)) shown.push(target);
    const focused = rows.contains(document.activeElement);
    rows.replaceChildren(
      ...shown.map((index) => {
        const probability = prediction?.probabilities[index];
        return row(
          names[index],
          probability,
          index === target,
          [index === prediction?.predicted ? "predicted" : "", index === truth ? "true class" : ""],
          () => onChoose(index),
        );
      }),
    );
    if (focused) rows.querySelector<HTMLInputElement>("input:checked")?.focus();
    more.hidden = names.length <= most;
    select.replaceChildren(
      ...names.map((name, index) => new Option(name, `${index}`, false, index === target)),
    );
  };
}

function row(
  name: string,
  probability: number | undefined,
  checked: boolean,
  marks: readonly string[],
  choose: () => void,
): HTMLElement {
  const label = document.createElement("label");
  label.className = "class-row";
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "class";
  input.checked = checked;
  input.addEventListener("change", choose);
  const words = document.createElement("span");
  words.className = "name";
  words.textContent = name;
  for (const mark of marks.filter(Boolean)) {
    const tag = document.createElement("span");
    tag.className = "mark-word";
    tag.textContent = mark;
    words.append(" ", tag);
  }
  const bar = document.createElement("span");
  bar.className = "bar";
  const fill = bar.appendChild(document.createElement("span"));
  fill.style.width = `${100 * (probability ?? 0)}%`;
  const value = document.createElement("span");
  value.className = "value";
  value.textContent = percent(probability ?? null);
  label.append(input, words, bar, value);
  return label;
}
