/** Radio buttons that choose which panel is shown. Without scripts all panels are there, one below the other. */
import { panelShown } from "./events.ts";

for (const pick of document.querySelectorAll<HTMLElement>("[data-pick]")) {
  const panels = [...document.querySelectorAll<HTMLElement>(`[data-panel="${pick.dataset.pick}"]`)];
  pick.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    for (const panel of panels) panel.toggleAttribute("data-current", panel.dataset.value === target.value);
    document.dispatchEvent(new Event(panelShown));
  });
  // a browser that comes back to the page remembers the button, not the panel
  pick
    .querySelector<HTMLInputElement>("input:checked")
    ?.dispatchEvent(new Event("change", { bubbles: true }));
}
