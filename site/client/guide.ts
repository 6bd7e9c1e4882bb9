/** The three choices of the guide in the address, and the answer said aloud. The panels are pick.ts's, which has run before. */
const picks = [...document.querySelectorAll<HTMLElement>("[data-pick]")];
const inputsOf = (pick: HTMLElement) => [...pick.querySelectorAll<HTMLInputElement>("input")];
const said = document.querySelector("[data-said]");

// whatever the page does not have is ignored: an old link still opens
const query = new URLSearchParams(location.search);
for (const pick of picks) {
  const wanted = query.get(pick.dataset.pick!);
  const input = inputsOf(pick).find(({ value }) => value === wanted);
  if (input === undefined) continue;
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function keep(): void {
  for (const pick of picks) {
    const chosen = inputsOf(pick).find(({ checked }) => checked);
    if (chosen) query.set(pick.dataset.pick!, chosen.value);
  }
  history.replaceState(null, "", `${location.pathname}?${query}`);
  const shown = [...document.querySelectorAll<HTMLElement>("[data-headline]")].find((line) =>
    line.checkVisibility(),
  );
  if (said) said.textContent = shown?.textContent ?? "";
}
for (const pick of picks) pick.addEventListener("change", keep);
