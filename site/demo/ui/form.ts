/** The controls: what is chosen goes out by callbacks, what holds comes in by `showForm`. */
import { count, percent } from "../../lib/format.ts";
import type { Catalogue } from "../catalogue.ts";
import type { Choice } from "../choice.ts";
import type { DemoDevice, ModelFacts } from "../messages.ts";
import { type ColourSpace, isColourSpace, isModelFile } from "../own.ts";
import { all, one, write } from "./dom.ts";

export interface FormEvents {
  onChange(change: Partial<Choice>): void;
  onRun(): void;
  onStop(): void;
  onModelFile(file: File): void;
  onPictureFile(file: File): void;
  onRemoveModel(): void;
  onRemovePicture(): void;
  onColours(space: ColourSpace): void;
  onDevice(device: DemoDevice): void;
  onOutline(shown: boolean): void;
  onOpacity(opacity: number): void;
}

export interface FormView {
  readonly choice: Choice;
  readonly ownModel: string | undefined;
  readonly ownPicture: string | undefined;
  /** of the chosen model, once it is open */
  readonly model: ModelFacts | undefined;
}

const form = one<HTMLFormElement>("[data-form]");
const sample = one<HTMLInputElement>("[data-sample]", form);
const dataset = one<HTMLSelectElement>("[data-dataset]", form);
const architecture = one<HTMLSelectElement>("[data-architecture]", form);
const outline = one<HTMLInputElement>("[data-outline-box]", form);
const boxes = all<HTMLInputElement>("input[name=method]", form);

export function createForm(facts: Catalogue, events: FormEvents): (view: FormView) => void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    events.onRun();
  });
  one("[data-stop]", form).addEventListener("click", events.onStop);

  const step = (to: number) => events.onChange({ sample: (to + facts.samples) % facts.samples });
  for (const button of all<HTMLButtonElement>("[data-step]", form))
    button.addEventListener("click", () => step(Number(sample.value) + Number(button.dataset.step)));
  sample.addEventListener("change", () => {
    const wanted = Math.round(Number(sample.value));
    step(Number.isFinite(wanted) ? Math.min(Math.max(wanted, 0), facts.samples - 1) : 0);
  });

  const pickModel = () => {
    const found = facts.models.find(
      (m) => m.dataset === dataset.value && m.architecture === architecture.value,
    );
    if (found) events.onChange({ model: found.id, target: null });
  };
  dataset.addEventListener("change", pickModel);
  architecture.addEventListener("change", pickModel);
  for (const box of boxes) {
    box.addEventListener("change", () =>
      events.onChange({ methods: boxes.filter((b) => b.checked).map((b) => b.value) }),
    );
  }
  outline.addEventListener("change", () => events.onOutline(outline.checked));
  const opacity = one<HTMLInputElement>("[data-opacity]");
  opacity.addEventListener("input", () => events.onOpacity(Number(opacity.value)));
  const colours = one<HTMLSelectElement>("[data-colours]", form);
  colours.addEventListener("change", () => {
    if (isColourSpace(colours.value)) events.onColours(colours.value);
  });
  one("[data-remove-model]", form).addEventListener("click", events.onRemoveModel);
  one("[data-remove-picture]", form).addEventListener("click", events.onRemovePicture);
  takeFiles(events);

  for (const box of all<HTMLInputElement>("input[name=device]", form))
    box.addEventListener("change", () => events.onDevice(box.value === "webgpu" ? "webgpu" : "wasm"));
  void offerWebgpu();

  one<HTMLDetailsElement>("[data-methods]", form).open = matchMedia("(min-width: 60rem)").matches;
  return (view) => show(facts, view);
}

/** Where the browser gives an adapter there is a choice; elsewhere the page is silent about it. */
async function offerWebgpu(): Promise<void> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  one<HTMLElement>("[data-devices]", form).hidden = !adapter;
}

/** By the buttons, dropped or pasted anywhere. */
function takeFiles({ onModelFile, onPictureFile }: FormEvents): void {
  const take = (file: File | undefined) => {
    if (file !== undefined) (isModelFile(file) ? onModelFile : onPictureFile)(file);
  };
  for (const [name, handle] of [
    ["model", onModelFile],
    ["picture", onPictureFile],
  ] as const) {
    const input = one<HTMLInputElement>(`[data-${name}-file]`, form);
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file) handle(file);
      input.value = ""; // the same file again is a choice again
    });
  }
  addEventListener("paste", ({ clipboardData }) => take(clipboardData?.files[0]));
  const area = document.documentElement;
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    area.toggleAttribute("data-dropping", true);
  });
  for (const name of ["dragleave", "dragend", "drop"] as const)
    addEventListener(name, () => area.removeAttribute("data-dropping"));
  addEventListener("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
}

function show(facts: Catalogue, { choice, ownModel, ownPicture, model }: FormView): void {
  const bundled = facts.models.find((m) => m.id === choice.model)!;
  sample.value = `${choice.sample}`;
  dataset.value = bundled.dataset;
  architecture.value = bundled.architecture;
  one<HTMLElement>("[data-stepper]", form).hidden = ownPicture !== undefined;
  own("picture", ownPicture);
  own("model", ownModel);
  // the data set still decides which pictures are drawn
  architecture.disabled = ownModel !== undefined;
  const note = one<HTMLElement>("[data-model-note]", form);
  note.hidden = ownModel !== undefined;
  note.textContent = `Right on ${percent(bundled.accuracy)} of its test pictures`;
  outline.disabled = ownPicture !== undefined; // nobody knows where the object is

  for (const box of boxes) box.checked = choice.methods.includes(box.value);
  write(form, "chosen", `${choice.methods.length} of ${boxes.length}`);
  for (const label of all<HTMLElement>("[data-choice]", form)) {
    const id = label.dataset.choice!;
    const known = model?.methods[id] ?? { passes: facts.methods.find((m) => m.id === id)!.passes };
    label.toggleAttribute("data-missing", "reason" in known);
    write(label, "cost", "reason" in known ? `not here: ${known.reason}` : passesText(known.passes));
  }
}

export const passesText = (passes: number): string =>
  passes === 0 ? "no passes" : `${count(passes)} passes`;

function own(what: "picture" | "model", name: string | undefined): void {
  const row = one<HTMLElement>(`[data-own-${what}]`, form);
  row.hidden = name === undefined;
  write(row, "name", name ?? "");
}
