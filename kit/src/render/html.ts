/** HTML from parts: text is escaped unless it was made here. */

/** Markup; only `html` and `trusted` make it. */
export interface Markup {
  readonly markup: string;
}

export type Part = Markup | string | number | readonly Markup[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for an element or a quoted attribute. Control characters, which no page may hold, become U+FFFD. */
export const escaped = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\ufffd")
    .replace(/[&<>"']/g, (c) => entities[c]);

/** A template whose values are escaped, unless they are markup; attributes must be quoted. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: texts.reduce((out, text, k) => out + written(parts[k - 1]) + text) };
}

const written = (part: Part): string => {
  if (typeof part === "string") return escaped(part);
  if (typeof part === "number") return String(part);
  return "markup" in part ? part.markup : part.map((p) => p.markup).join("");
};

/** Markup from a text that is known to be some: a style sheet of ours. */
export const trusted = (markup: string): Markup => ({ markup });

export const nothing: Markup = { markup: "" };
