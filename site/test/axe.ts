/** What axe holds against a page, in both themes. */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/** The only rules that a theme can break; the others are asked once. */
const ofColour = ["color-contrast", "link-in-text-block"];

/**
 * Serious and critical violations: "dark: color-contrast: <a …>".
 *
 * @param include  CSS selector of the part that is looked at; the whole page unless told
 */
export async function violationsOn(page: Page, include?: string): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    // in the page itself and without lists of what is right: no page here has foreign frames, and it takes a third of the time
    const axe = new AxeBuilder({ page }).options({ resultTypes: ["violations"] }).setLegacyMode();
    if (include !== undefined) axe.include(include);
    if (colorScheme === "dark") axe.withRules(ofColour);
    const { violations } = await axe.analyze();
    for (const { id, impact, nodes } of violations) {
      if (impact === "serious" || impact === "critical")
        found.push(`${colorScheme}: ${id}: ${nodes[0].html}`);
    }
  }
  return found;
}
