/** The page made of results/literature: kit/docs/literature.md. */
import {
  type Check,
  type ClaimVerdict,
  checkClaims,
  checkLiterature,
  differs,
  shownAs,
} from "../kit/src/literature/check.ts";
import { comparability } from "../kit/src/literature/comparability.ts";
import {
  current,
  type Literature,
  type LiteratureColumn,
  type LiteratureQuantity,
  type LiteratureTable,
} from "../kit/src/literature/document.ts";
import { table } from "./registry-docs.ts";

const introduction = `# Published values and claims

What publications that this project builds on print: their tables, cell by cell, and what they claim, in our words. **Nothing on this page was measured with
xai-kit.** It is made of \`results/literature/\` ([schema](../../schemas/literature/v1.schema.json)) by \`npm run literature -- --page\`.

- What follows from other printed numbers was computed again: means and standard deviations over seeds, UCES, ranks, F1. A difference is listed where it is
  more than rounding of the printed digits explains; that of UCES and its parts may be 0.001, since its inputs are rounded before they are stretched to the
  whole scale. A difference says that numbers do not go together, not which of them is right.
- A standard deviation is tried as a sample's (divided by n − 1) and as a population's (by n). Nearly all are a sample's; where only a population's
  fits, that is listed too.
- A claim is held against the publication's own tables. Where it prints no numbers that could show it, nothing is said of it.
- "beside ours" says whether a column may stand on one axis with scores of this project. Other scales and other definitions may not, and never count in
  an order.`;

const link = ({ arxiv, doi, url }: Literature["source"]): readonly string[] => [
  ...(arxiv === undefined ? [] : [`[arXiv:${arxiv}](https://arxiv.org/abs/${arxiv})`]),
  ...(doi === undefined ? [] : [`[doi:${doi}](https://doi.org/${doi})`]),
  ...(url === undefined ? [] : [`<${url}>`]),
];

/** A full stop unless there is one. */
const ended = (text: string): string => (text.endsWith(".") ? text : `${text}.`);

/** Below its title. */
const citation = (source: Literature["source"]): string => {
  const { venue, year } = source;
  const told = year === undefined || venue?.includes(`${year}`) ? [] : [`${year}`];
  return [source.authors.join(", "), ...(venue === undefined ? [] : [venue]), ...told, ...link(source)].join(
    ", ",
  );
};

const named = ({ printed, ours }: LiteratureQuantity): string =>
  ours === undefined ? printed : `${printed} (\`${ours}\`)`;

const headed = ({ quantity, better }: LiteratureColumn): string =>
  `${quantity.printed} ${better === "higher" ? "↑" : "↓"}`;

function cellsOf({ columns, rows, seeds }: LiteratureTable): readonly string[] {
  return table(
    ["Model", ...(seeds === undefined ? [] : ["Seed"]), ...columns.map(headed)],
    rows.map(({ model, seed, cells }) => [
      model,
      ...(seed === undefined ? [] : [`${seed}`]),
      ...columns.map(({ id }) => cells.find(({ column }) => column === id)!.printed),
    ]),
  );
}

function columnsOf(of: LiteratureTable): readonly string[] {
  return table(
    ["Column", "here", "scale", "beside ours", "note"],
    of.columns.map(({ id, quantity, scale, note }) => {
      const may = quantity.ours === undefined ? undefined : comparability(of, id, quantity.ours);
      return [
        quantity.printed,
        quantity.ours === undefined ? "" : `\`${quantity.ours}\``,
        scale,
        may === undefined
          ? `no: ${quantity.notOurs}`
          : may.comparable
            ? "yes, on the same data"
            : `no: ${may.reason}`,
        note ?? "",
      ];
    }),
  );
}

/** Tables of the same columns share their notes. */
const columnsKey = ({ columns }: LiteratureTable): string =>
  JSON.stringify(columns.map(({ quantity, scale, note }) => [quantity.ours, quantity.differs, scale, note]));

function tablesOf(tables: readonly LiteratureTable[]): readonly string[] {
  const said = new Map<string, string>();
  return tables.flatMap((of) => {
    const earlier = said.get(columnsKey(of));
    said.set(columnsKey(of), earlier ?? of.id);
    const n = of.n === undefined ? "" : `; ${of.n} values behind each cell`;
    return [
      `### Table ${of.id}: ${of.title}`,
      "",
      `${of.data}${n}.`,
      "",
      ...cellsOf(of),
      "",
      ...(earlier === undefined ? columnsOf(of) : [`Columns as in table ${earlier}.`]),
      "",
    ];
  });
}

export const differencesOf = (checks: readonly Check[]): readonly (readonly string[])[] =>
  checks
    .filter(differs)
    .map((check) => [
      check.table,
      check.row,
      check.column,
      check.what,
      check.printed,
      shownAs(check),
      check.tolerance === 0 ? "0" : check.tolerance.toPrecision(2),
      [check.fits === "population" ? "a population's" : "", check.note ?? ""].filter(Boolean).join("; "),
    ]);

export const differencesHead = [
  "Table",
  "Row",
  "Column",
  "What",
  "Printed",
  "Computed",
  "Rounding",
  "Note",
] as const;

function checksOf(checks: readonly Check[]): readonly string[] {
  if (checks.length === 0) return ["No printed number follows from others."];
  const rows = differencesOf(checks);
  const apart = checks.filter(({ agrees }) => !agrees).length;
  const lines = [
    `${checks.length} printed numbers were computed again; ${apart} do not follow from the others.`,
  ];
  return rows.length === 0 ? lines : [...lines, "", ...table(differencesHead, rows)];
}

const found = (verdict: ClaimVerdict): string =>
  verdict.verdict === undefined
    ? "no numbers printed"
    : [
        `**${verdict.verdict}**`,
        ...verdict.evidence.map(({ holds, found }) => (holds ? found : `✕ ${found}`)),
      ].join("; ");

function claimsOf(literature: Literature): readonly string[] {
  const verdicts = checkClaims(literature);
  return table(
    ["Claim", "Where", "Compared", "Direction", "Of", "By its own tables", "Note"],
    literature.claims.map((claim, k) => [
      claim.text,
      claim.where,
      claim.compares.join("; "),
      claim.direction,
      claim.quantities.map(named).join("; "),
      found(verdicts[k]),
      [
        claim.contradicts === undefined
          ? ""
          : `Against: ${literature.claims.find(({ id }) => id === claim.contradicts)!.text}`,
        claim.note ?? "",
      ]
        .filter(Boolean)
        .join(" "),
    ]),
  );
}

function sectionOf(literature: Literature): readonly string[] {
  const { source, notes, tables } = literature;
  return [
    `## ${source.title}`,
    "",
    ended(citation(source)),
    `Read: ${ended(source.document)}`,
    "",
    ...(notes.length === 0 ? [] : [...notes.map((note) => `- ${note}`), ""]),
    ...tablesOf(tables),
    "### Computed again",
    "",
    ...checksOf(checkLiterature(literature)),
    "",
    "### Claims",
    "",
    ...claimsOf(literature),
    "",
  ];
}

export const pageOf = (all: readonly Literature[]): string =>
  `${[introduction, "", ...current(all).flatMap(sectionOf)].join("\n").trimEnd()}\n`;
