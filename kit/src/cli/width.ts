/** How many terminal columns a text takes. */

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const zeroWidth = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Control}]+$/u;
// East Asian wide and fullwidth blocks (UAX #11, the ranges that fonts draw two cells wide), and emoji shown as pictures
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

function graphemeWidth(grapheme: string): number {
  if (zeroWidth.test(grapheme)) return 0;
  return wide.test(grapheme) ? 2 : 1;
}

export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** The text if it fits, else its beginning and `…`. */
export function clipToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += graphemeWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return columns < 1 ? "" : `${kept.trimEnd()}…`;
}

/**
 * Lines of at most `columns`, broken where `breaks` matches between two characters; what cannot be broken stands on a line of its own.
 */
export function wrapText(text: string, columns: number, breaks = /(?<= )/): string[] {
  const lines: string[] = [];
  let line = "";
  for (const piece of text.split(breaks)) {
    if (line !== "" && displayWidth((line + piece).trimEnd()) > columns) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += piece;
  }
  return [...lines, line.trimEnd()];
}

/** The same, with every line after the first indented by `hang` and all by `indent`. */
export const paragraph = (text: string, columns: number, indent = 0, hang = indent): string =>
  wrapText(text, columns - Math.max(indent, hang))
    .map((line, k) => `${" ".repeat(k === 0 ? indent : hang)}${line}\n`)
    .join("");
