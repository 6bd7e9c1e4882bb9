/** The commands in fenced blocks of a document, as a shell would split them. For tests of the documentation. */

/** The bodies of fenced blocks in these languages. */
export const fences = (markdown: string, ...languages: readonly string[]): string[] =>
  [...markdown.matchAll(/^```(\w+)\n(.*?)^```/gms)]
    .filter(([, language]) => languages.includes(language))
    .map(([, , body]) => body);

/** Every `xai-kit …` line, with its continuation lines, as arguments without the program's name. */
export function commandsIn(text: string): string[][] {
  return text
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim().replace(/^\$ /, "").replace(/^npx /, ""))
    .filter((line) => /^xai-kit( |$)/.test(line))
    .map((line) => words(line.replace(/ [#|>].*$/, "")).slice(1));
}

/** Words separated by spaces; quotes keep spaces. */
const words = (line: string): string[] =>
  [...line.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/["']/g, ""));
