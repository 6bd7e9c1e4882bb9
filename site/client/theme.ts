/** The button in the masthead: system, light, dark. theme.js has applied what was chosen before. */
import { themeChanged } from "./events.ts";

const themes = ["system", "light", "dark"] as const;
const button = document.querySelector<HTMLButtonElement>("[data-theme-button]");
const root = document.documentElement;

function show(): void {
  const theme = root.dataset.theme ?? "system";
  button?.setAttribute("aria-label", `Theme: ${theme}`);
  const word = button?.querySelector(".word");
  if (word) word.textContent = theme;
}

button?.addEventListener("click", () => {
  const at = themes.findIndex((theme) => theme === (root.dataset.theme ?? "system"));
  const next = themes[(at + 1) % themes.length];
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // storage is off: the choice lasts as long as the page
  }
  show();
  document.dispatchEvent(new Event(themeChanged));
});
show();
