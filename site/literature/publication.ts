/** What a publication prints, and what its numbers make of it, as a page shows it. Pure; every figure is printed there or computed by the kit. */
import {
  type Check,
  type ClaimVerdict,
  checkClaims,
  checkLiterature,
  differs,
  shownAs,
} from "../../kit/src/literature/check.ts";
import { comparability } from "../../kit/src/literature/comparability.ts";
import type {
  Literature,
  LiteratureColumn,
  LiteratureQuantity,
  LiteratureTable,
} from "../../kit/src/literature/document.ts";
import { arrow } from "../lib/format.ts";

export interface PrintedColumn {
  readonly id: string;
  /** "AUROC ↑" */
  readonly title: string;
  /** what it is called here, if anything */
  readonly ours: string | undefined;
  readonly scale: string;
  /** undefined: may stand beside ours; else why not */
  readonly apart: string | undefined;
  readonly note: string | undefined;
}

export interface PrintedCell {
  readonly printed: string;
  /** where it does not follow from other numbers */
  readonly computed: string | undefined;
}

export interface PrintedTable {
  readonly id: string;
  readonly title: string;
  readonly data: string;
  readonly seeds: boolean;
  readonly columns: readonly PrintedColumn[];
  readonly rows: readonly {
    readonly model: string;
    readonly seed: number | undefined;
    readonly cells: readonly PrintedCell[];
  }[];
}

/** One printed number against the others. */
export interface Recomputed {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  readonly what: string;
  readonly printed: string;
  readonly computed: string;
  readonly allowed: string;
  readonly agrees: boolean;
  readonly note: string;
}

export interface PrintedClaim {
  readonly id: string;
  readonly text: string;
  readonly where: string;
  readonly of: string;
  readonly verdict: ClaimVerdict["verdict"];
  readonly evidence: ClaimVerdict["evidence"];
  /** what it says against another, and what is to be said */
  readonly notes: readonly string[];
}

export interface Publication {
  readonly id: string;
  readonly title: string;
  readonly byline: string;
  readonly links: readonly { readonly href: string; readonly text: string }[];
  readonly document: string;
  readonly notes: readonly string[];
  readonly tables: readonly PrintedTable[];
  readonly checked: number;
  readonly differences: readonly Recomputed[];
  /** tables of a score that follows whole from others, such as UCES */
  readonly scores: readonly {
    readonly table: string;
    readonly from: string;
    readonly alpha: number;
    readonly rows: readonly Recomputed[];
  }[];
  readonly claims: readonly PrintedClaim[];
  readonly answer: string;
}

export function publicationOf(literature: Literature): Publication {
  const { id, source, notes, tables, follows } = literature;
  const checks = checkLiterature(literature);
  const verdicts = checkClaims(literature);
  const claims = literature.claims.map((claim, k): PrintedClaim => {
    const against = literature.claims.find((other) => other.id === claim.contradicts);
    return {
      id: claim.id,
      text: claim.text,
      where: claim.where,
      of: claim.quantities.map(named).join("; "),
      verdict: verdicts[k].verdict,
      evidence: verdicts[k].evidence,
      notes: [...(against ? [`Against: ${against.text}`] : []), ...(claim.note ? [claim.note] : [])],
    };
  });
  return {
    id,
    title: source.title,
    byline: bylineOf(source),
    links: linksOf(source),
    document: source.document,
    notes,
    tables: tables.map((table) => tableOf(table, checks)),
    checked: checks.length,
    differences: checks.filter(differs).map((check) => recomputed(check, tables)),
    scores: follows.uces.map(({ table, classification, explanation, alpha }) => ({
      table,
      from: `${classification} and ${explanation}`,
      alpha,
      rows: checks.filter((check) => check.table === table).map((check) => recomputed(check, tables)),
    })),
    claims,
    answer: answerOf(checks, claims),
  };
}

function bylineOf({ authors, venue, year }: Literature["source"]): string {
  const told = year === undefined || venue?.includes(`${year}`) ? [] : [`${year}`];
  return [authors.join(", "), ...(venue === undefined ? [] : [venue]), ...told].join(", ");
}

/** Only addresses of the web: documents are written by people, and a link is followed. */
function linksOf({ arxiv, doi, url }: Literature["source"]): Publication["links"] {
  return [
    ...(arxiv === undefined ? [] : [{ href: `https://arxiv.org/abs/${arxiv}`, text: `arXiv:${arxiv}` }]),
    ...(doi === undefined ? [] : [{ href: `https://doi.org/${doi}`, text: `doi:${doi}` }]),
    ...(url === undefined || !/^https?:\/\//.test(url) ? [] : [{ href: url, text: url }]),
  ];
}

const named = ({ printed, ours }: LiteratureQuantity): string =>
  ours === undefined || ours === printed ? printed : `${printed} (${ours})`;

const columnOf = (table: LiteratureTable, column: LiteratureColumn): PrintedColumn => {
  const { id, quantity, better, scale, note } = column;
  const may = quantity.ours === undefined ? undefined : comparability(table, id, quantity.ours);
  return {
    id,
    title: `${quantity.printed} ${arrow(better)}`,
    ours: quantity.ours,
    scale,
    apart: may === undefined ? quantity.notOurs : may.comparable ? undefined : may.reason,
    note,
  };
};

function tableOf(table: LiteratureTable, checks: readonly Check[]): PrintedTable {
  const { id, title, data, n, seeds, columns, rows } = table;
  return {
    id,
    title,
    data: `${data}${n === undefined ? "" : `; ${n} values behind each cell`}`,
    seeds: seeds !== undefined,
    columns: columns.map((column) => columnOf(table, column)),
    rows: rows.map(({ model, seed, cells }) => ({
      model,
      seed,
      cells: columns.map((column): PrintedCell => {
        const own = checks.find(
          (check) =>
            check.table === id &&
            check.column === column.id &&
            check.row === (seed === undefined ? model : `${model}, seed ${seed}`) &&
            !check.agrees,
        );
        return {
          printed: cells.find((cell) => cell.column === column.id)!.printed,
          computed: own && shownAs(own),
        };
      }),
    })),
  };
}

const recomputed = (check: Check, tables: readonly LiteratureTable[]): Recomputed => ({
  table: check.table,
  row: check.row,
  column: tables.find(({ id }) => id === check.table)!.columns.find(({ id }) => id === check.column)!.quantity
    .printed,
  what: check.what,
  printed: check.printed,
  computed: shownAs(check),
  allowed: check.tolerance === 0 ? "0" : check.tolerance.toPrecision(2),
  agrees: check.agrees,
  note: [check.fits === "population" ? "a population’s" : "", check.note ?? ""].filter(Boolean).join("; "),
});

function answerOf(checks: readonly Check[], claims: readonly PrintedClaim[]): string {
  const apart = checks.filter(({ agrees }) => !agrees).length;
  const numbers =
    checks.length === 0
      ? "No printed number follows from others."
      : `${checks.length} printed numbers were computed again from others; ${apart === 0 ? "all follow" : `${apart} do not follow`}.`;
  const count = (verdict: ClaimVerdict["verdict"]) =>
    claims.filter((claim) => claim.verdict === verdict).length;
  const shown = claims.length - count(undefined);
  if (claims.length === 0) return numbers;
  if (shown === 0)
    return `${numbers} It prints no number that could show any of its ${claims.length} claims.`;
  const many = { holds: "hold", "in part": "in part", "does not hold": "do not hold" } as const;
  const told = [
    ...(Object.keys(many) as (keyof typeof many)[]).flatMap((verdict) => {
      const n = count(verdict);
      return n === 0 ? [] : [`${n} ${n === 1 ? verdict : many[verdict]}`];
    }),
    ...(count(undefined) === 0 ? [] : [`for ${count(undefined)} it prints no numbers`]),
  ];
  return `${numbers} Of ${claims.length} claims, held against its own tables: ${told.join(", ")}.`;
}
