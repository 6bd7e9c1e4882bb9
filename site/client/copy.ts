/** Copies the command that stands beside the button. */
const button = document.querySelector<HTMLButtonElement>("[data-copy]");
button?.addEventListener("click", async () => {
  const command = document.querySelector("[data-command]")?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(command);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select the text instead"; // the browser said no
  }
});
