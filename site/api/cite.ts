/** How to cite a run. Titles come from documents of strangers: whatever is in them, the result is one entry. Pure. */
import { day } from "../lib/format.ts";
import { modelTitle } from "../lib/labels.ts";
import type { SiteRun } from "../lib/run.ts";

/** Who stands for the results; documents name nobody. */
const author = "xai-kit contributors";

interface Citation {
  readonly key: string;
  readonly title: string;
  readonly date: string;
  readonly version: string;
  readonly note: string;
}

function citationOf(run: SiteRun): Citation {
  const { result, telemetry, id, trust } = run;
  const { model, data, protocol, kit, selection } = result;
  const name = modelTitle(model);
  const identity = trust?.identity ? `, SHA-256 of the result ${trust.identity}` : "";
  return {
    key: `xai-kit-${id.replaceAll("/", "-")}`,
    title: plain(`Explanation methods of ${name} (${model.id}) on ${data.title}`),
    date: day(telemetry.date),
    version: kit,
    note: plain(`Run ${id}, protocol ${protocol.id}, ${selection.samples} images${identity}`),
  };
}

/** One line without control characters. */
const plain = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " ")
    .replace(/ +/g, " ")
    .trim();

const commands: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  // braces that do not pair would end the field, escaped or not
  "{": "\\textbraceleft{}",
  "}": "\\textbraceright{}",
  '"': "\\textquotedbl{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
};

/** Text as TeX shows it. */
export const texOf = (text: string): string =>
  text.replace(/[\\~^{}"<>]|[#$%&_]/g, (c) => commands[c] ?? `\\${c}`);

/** @param address  of the run's page, where the host is known */
export function bibtex(run: SiteRun, address: string | undefined): string {
  const { key, title, date, version, note } = citationOf(run);
  const fields = [
    ["author", `{${texOf(author)}}`],
    ["title", `{${texOf(title)}}`],
    ["year", date.slice(0, 4)],
    ["month", `${Number(date.slice(5, 7))}`],
    ["version", texOf(version)],
    ["note", texOf(note)],
    // our own address and an id of letters, digits and hyphens: nothing in it to escape
    ...(address === undefined ? [] : [["url", address]]),
  ];
  return `@misc{${key},\n${fields.map(([name, value]) => `  ${name} = {${value}},`).join("\n")}\n}\n`;
}

/** CSL-JSON, which reference managers import. */
export function csl(run: SiteRun, address: string | undefined) {
  const { key, title, date, version, note } = citationOf(run);
  return [
    {
      id: key,
      type: "dataset",
      // some managers read <i> and the like in a title
      title: title.replaceAll("<", "‹").replaceAll(">", "›"),
      author: [{ literal: author }],
      issued: { "date-parts": [date.split("-").map(Number)] },
      version,
      note,
      ...(address === undefined ? {} : { URL: address }),
    },
  ];
}
