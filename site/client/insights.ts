/** The reader's α, and all choices in the address. The panels are pick.ts's, which has run before. */
import { alphaOf, ranksAt, type UcesSheet, ucesAnswer } from "../insights/uces.ts";
import { number } from "../lib/format.ts";
import { stepOf } from "../lib/scale.ts";

function keep(name: string, value: string | undefined): void {
  const query = new URLSearchParams(location.search);
  if (value === undefined) query.delete(name);
  else query.set(name, value);
  const text = query.toString();
  history.replaceState(null, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`);
}

// whatever the page does not have is ignored: an old link still opens
const asked = new URLSearchParams(location.search);
for (const pick of document.querySelectorAll<HTMLElement>("[data-pick]")) {
  const name = pick.dataset.pick!;
  const inputs = [...pick.querySelectorAll<HTMLInputElement>("input")];
  const input = inputs.find(({ value }) => value === asked.get(name));
  if (input !== undefined) {
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  pick.addEventListener("change", () => keep(name, inputs.find(({ checked }) => checked)?.value));
}

const control = document.querySelector<HTMLElement>("[data-alpha]");
if (control !== null) {
  const standard = Number(control.dataset.standard);
  const range = control.querySelector<HTMLInputElement>("input[type=range]")!;
  const field = control.querySelector<HTMLInputElement>("input[type=number]")!;
  const said = control.querySelector("[data-alpha-said]")!;
  const sheets = [...document.querySelectorAll<HTMLElement>("[data-uces]")].map((root) => ({
    root,
    sheet: JSON.parse(root.querySelector("script[type='application/json']")!.textContent!) as UcesSheet,
    answer: document.querySelector(`[data-uces-answer="${CSS.escape(root.dataset.uces!)}"]`)!,
  }));

  /** `from`: the input that is being used, which keeps its text */
  const show = (alpha: number, from?: HTMLInputElement) => {
    for (const input of [range, field]) if (input !== from) input.value = `${alpha}`;
    for (const { root, sheet, answer } of sheets) {
      const scores = ranksAt(sheet, alpha).flat();
      for (const [k, cell] of [...root.querySelectorAll<HTMLElement>("[data-cell]")].entries()) {
        const { rank, uces } = scores[k];
        cell.className = `step-${stepOf(rank, sheet.models.length)}`;
        cell.querySelector("b")!.textContent = `${rank}`;
        cell.querySelector("i")!.textContent = number(uces, 3);
      }
      root.querySelector("[data-alpha-text]")!.textContent = alpha.toFixed(2);
      answer.textContent = ucesAnswer(sheet, alpha, sheet.models);
      const drawing = root.querySelector<SVGElement>("svg.leads")!;
      const [left, right] = [Number(drawing.dataset.left), Number(drawing.dataset.right)];
      const mark = drawing.querySelector("[data-alpha-mark]")!;
      const down = mark.getAttribute("d")!.replace(/^M\S+/, "");
      mark.setAttribute("d", `M${left + alpha * (right - left)}${down}`);
    }
  };
  const change = (alpha: number | undefined, from?: HTMLInputElement) => {
    field.toggleAttribute("aria-invalid", alpha === undefined);
    if (alpha === undefined) return;
    show(alpha, from);
    keep("alpha", alpha === standard ? undefined : `${alpha}`);
    said.textContent = sheets.find(({ root }) => root.checkVisibility())?.answer.textContent ?? "";
  };
  range.addEventListener("input", () => change(alphaOf(range.value), range));
  field.addEventListener("input", () => change(alphaOf(field.value), field));
  control.querySelector("[data-alpha-reset]")!.addEventListener("click", () => change(standard));
  show(alphaOf(asked.get("alpha")) ?? standard);
}
