/** Copies the command that stands beside the button, also of what comes to the page later. */
document.addEventListener("click", async ({ target }) => {
  const button = target instanceof Element ? target.closest<HTMLButtonElement>("[data-copy]") : null;
  if (button === null) return;
  const command = button.parentElement?.querySelector("[data-command]")?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(command);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select the text instead"; // the browser said no
  }
});
