/**
 * The choices of the guide in the address, and the answer said aloud. The panels are pick.ts's, which has run before; what the page
 * does not hold is fetched from the page that does.
 */
import type { Verdict } from "../guide/rules.ts";
import { headline, isWithin } from "../guide/words.ts";
import { panelShown, panelsCame } from "./events.ts";

const picks = [...document.querySelectorAll<HTMLElement>("[data-pick]")];
const inputsOf = (pick: HTMLElement) => [...pick.querySelectorAll<HTMLInputElement>("input")];
const chosen = (name: string) =>
  document.querySelector<HTMLInputElement>(`[data-pick="${name}"] input:checked`)!.value;
const said = document.querySelector("[data-said]");
const unreachable = document.querySelector<HTMLElement>("[data-unreachable]")!;
const scopes = document.querySelector<HTMLElement>("[data-scopes]")!;
const home = scopes.dataset.scopes!;

const limits = document.querySelector<HTMLSelectElement>("[data-limit]")!;

/** Sets apart what costs more than the reader's limit, in every answer that is here. */
function applyLimit(): void {
  const limit = limits.value === "" ? undefined : Number(limits.value);
  for (const line of document.querySelectorAll<HTMLElement>("[data-headline]")) {
    const panel = line.closest("[data-panel=concern]");
    if (panel === null) continue;
    const advice = [...panel.querySelectorAll<HTMLElement>("[data-advice]")].map((row) => {
      const { advice: title = "", verdict, passes } = row.dataset;
      const one = {
        title,
        verdict: verdict as Verdict,
        passes: passes === undefined ? null : Number(passes),
      };
      row.hidden = !isWithin(one, limit);
      return one;
    });
    for (const group of panel.querySelectorAll<HTMLElement>(".verdict"))
      group.hidden = group.querySelector("[data-advice]:not([hidden])") === null;
    line.textContent = headline({ advice }, limit);
  }
}

const fetched = new Map<string, Promise<void>>();

/** Brings the panel of the chosen family and kind of images to the page, once. */
function scopeHere(): Promise<void> {
  const id = `${chosen("family")}-${chosen("track")}`;
  if (document.getElementById(id)) return Promise.resolve();
  const address = `${home}${id}/`;
  if (!fetched.has(id)) {
    const asked = fetch(address)
      .then((response) => {
        if (!response.ok) throw new Error(`${response.status}`);
        return response.text();
      })
      .then((html) => {
        const page = new DOMParser().parseFromString(html, "text/html");
        scopes.append(page.querySelector("[data-scopes] > *")!);
        document.dispatchEvent(new Event(panelsCame));
      });
    asked.catch(() => fetched.delete(id)); // the next wish tries again
    fetched.set(id, asked);
  }
  return fetched.get(id)!;
}

async function show(): Promise<void> {
  unreachable.hidden = true;
  try {
    await scopeHere();
  } catch {
    unreachable.hidden = false;
    unreachable.querySelector("a")!.href = `${home}${chosen("family")}-${chosen("track")}/`;
  }
}

async function keep(): Promise<void> {
  const query = new URLSearchParams(picks.map(({ dataset }) => [dataset.pick!, chosen(dataset.pick!)]));
  if (limits.value !== "") query.set("limit", limits.value);
  history.replaceState(null, "", `${home}?${query}`);
  await show();
  const shown = [...document.querySelectorAll<HTMLElement>("[data-headline]")].find((line) =>
    line.checkVisibility(),
  );
  if (said) said.textContent = shown?.textContent ?? "";
}

// whatever the page does not have is ignored: an old link still opens
const query = new URLSearchParams(location.search);
for (const pick of picks) {
  const input = inputsOf(pick).find(({ value }) => value === query.get(pick.dataset.pick!));
  if (input === undefined) continue;
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
const limit = query.get("limit");
if ([...limits.options].some(({ value }) => value === limit)) limits.value = limit!;
document.addEventListener(panelShown, applyLimit);
applyLimit();
void show();
limits.addEventListener("change", () => {
  applyLimit();
  void keep();
});
for (const pick of picks) pick.addEventListener("change", keep);
