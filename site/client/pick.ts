/** Radio buttons that choose which panel is shown. Without scripts all panels are there, one below the other. */
import { panelShown, panelsCame } from "./events.ts";

const picks = [...document.querySelectorAll<HTMLElement>("[data-pick]")];

function mark(): void {
  for (const pick of picks) {
    const chosen = pick.querySelector<HTMLInputElement>("input:checked")?.value;
    for (const panel of document.querySelectorAll<HTMLElement>(`[data-panel="${pick.dataset.pick}"]`))
      panel.toggleAttribute("data-current", panel.dataset.value === chosen);
  }
}

/** What waits as text in panels that are shown now (components/Later.astro). */
function unfold(): void {
  for (const later of document.querySelectorAll("noscript[data-later]")) {
    if (later.closest("[data-panel]:not([data-current])")) continue;
    // from a page that was fetched: there no script ran, and it holds elements
    if (later.firstElementChild) later.replaceWith(...later.childNodes);
    else later.replaceWith(document.createRange().createContextualFragment(later.textContent ?? ""));
  }
}

function show(): void {
  mark();
  unfold();
  mark(); // of panels that have come with it
  document.dispatchEvent(new Event(panelShown));
}
for (const pick of picks) pick.addEventListener("change", show);
document.addEventListener(panelsCame, show);
// a browser that comes back to the page remembers the buttons, not the panels
if (picks.length > 0) show();
