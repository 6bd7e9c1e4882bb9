/** Pieces that sections of a report share. */
import { html, type Markup, nothing, type Part } from "../render/html.ts";
import type { MethodEntry } from "./facts.ts";

/** A stranger's text, which turns nothing around that is written from left to right. */
export const name = (text: string): Markup => html`<bdi>${text}</bdi>`;

export const each = <T>(items: readonly T[], draw: (item: T, at: number) => Markup): readonly Markup[] =>
  items.map(draw);

export const when = (condition: unknown, part: Markup): Markup => (condition ? part : nothing);

/** Something that is wider than a small screen; it can be reached and moved by keys. */
export const scroll = (label: string, content: Markup): Markup =>
  html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`;

/** Terms and what belongs to them. */
export const sheetOf = (rows: readonly (readonly [term: string, value: Part])[]): Markup =>
  html`<dl class="facts">${each(rows, ([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;

export const section = (id: string, title: string, says: Part, content: Markup): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
<p class="says">${says}</p>
${content}</section>
`;

export const methodName = ({ title, external }: MethodEntry): Markup =>
  html`${title}${when(external, html` <small>computed elsewhere</small>`)}`;

/** ✓ beats every control, ✕ does not, ? is not known; the words for those who listen. */
export function gateMark(passed: boolean | null): Markup {
  const [mark, kind, words] =
    passed === null
      ? ["?", "open", "not known"]
      : passed
        ? ["✓", "good", "beats every control"]
        : ["✕", "bad", "does not beat every control"];
  return html`<span class="mark ${kind}" aria-hidden="true">${mark}</span><span class="hidden">${words}</span>`;
}
