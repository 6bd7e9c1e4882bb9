/** What every page is: one file, no script, nothing from elsewhere; its colours are the reader's to choose. */
import { html, type Markup, nothing, trusted } from "../render/html.ts";
import { style } from "./style.ts";

export interface Page {
  readonly title: string;
  /** of the style sheet's root: pictures that are cut up */
  readonly variables?: Markup;
  /** beside the common style sheet */
  readonly style?: string;
  /** id of the section that the results begin with */
  readonly skipTo: string;
  /** an h1 */
  readonly heading: Markup;
  readonly tags: Markup;
  /** items of a list */
  readonly contents: Markup;
  readonly main: Markup;
}

export function pageOf({
  title,
  variables = nothing,
  style: own = "",
  skipTo,
  heading,
  tags,
  contents,
  main,
}: Page): string {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="xai-kit">
<title>${title}</title>
<style>
:root {
${variables}
}
${trusted(style)}${trusted(own)}</style>
</head>
<body>
<a class="skip" href="#${skipTo}">To the results</a>
<header>
<div>
${heading}
${tags}</div>
<fieldset class="theme">
<legend>Colours</legend>
<label><input type="radio" name="theme" id="theme-system" checked>System</label>
<label><input type="radio" name="theme" id="theme-light">Light</label>
<label><input type="radio" name="theme" id="theme-dark">Dark</label>
</fieldset>
</header>
<div class="body">
<nav aria-label="Contents"><ul>${contents}</ul></nav>
<main>
${main}</main>
</div>
</body>
</html>
`;
  return document.markup;
}
