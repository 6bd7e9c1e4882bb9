/** Copies the command that stands beside the button. */
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
  button.addEventListener("click", async () => {
    const command = button.parentElement?.querySelector("[data-command]")?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select the text instead"; // the browser said no
    }
  });
}
