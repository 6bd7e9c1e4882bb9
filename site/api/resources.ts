/** What programs can ask for, as data: equal results give equal bytes, so there is no time of a build in it. Pure but for the registries. */
import { createHash } from "node:crypto";
import networks from "../../kit/docs/architectures.json" with { type: "json" };
import manifest from "../../kit/package.json" with { type: "json" };
import { datasets } from "../../kit/src/datasets/index.ts";
import { methods } from "../../kit/src/methods/index.ts";
import { metrics } from "../../kit/src/metrics/index.ts";
import { protocolHash } from "../../kit/src/protocol/hash.ts";
import { protocols, standardProtocol } from "../../kit/src/protocol/protocol.ts";
import type { Erratum } from "../../kit/src/results/errata.ts";
import type { LedgerEntry } from "../../kit/src/results/ledger.ts";
import type { Comparison } from "../../kit/src/schemas.generated.ts";
import { day } from "../lib/format.ts";
import { architectureLabel } from "../lib/labels.ts";
import type { ProtocolChange } from "../lib/protocol-changes.ts";
import { repository } from "../lib/repository.ts";
import type { SiteRun, Trust } from "../lib/run.ts";
import { newest, whyUnranked } from "../lib/select.ts";
import { leaderboardJson } from "./leaderboard.ts";

export interface Source {
  /** as the site shows them */
  readonly runs: readonly SiteRun[];
  readonly errata: readonly Erratum[];
  readonly ledger: readonly LedgerEntry[];
  /** by their place in results/comparisons/, without ".json" */
  readonly comparisons: readonly { readonly id: string; readonly document: Comparison }[];
  readonly changes: readonly ProtocolChange[];
}

export interface Resource {
  /** its file in /api/v1/ is `<name>.json`, its schema `schemas/<name>.schema.json` */
  readonly name: string;
  readonly title: string;
  readonly make: (source: Source) => object;
}

export const licence = {
  id: "CC-BY-4.0",
  url: "https://creativecommons.org/licenses/by/4.0/",
} as const;

/** Every list that is one file; the index is made of it. */
export const resources: readonly Resource[] = [
  {
    name: "runs",
    title: "Every run: what was measured, when, and how far it can be believed",
    make: ({ runs }) => runsJson(runs),
  },
  {
    name: "leaderboard",
    title: "Every method of the newest runs: values, ranks and intervals",
    make: ({ runs }) => leaderboardJson(newest(runs)),
  },
  { name: "methods", title: "Attribution methods of the kit", make: () => methodsJson() },
  { name: "metrics", title: "Metrics of the kit", make: () => metricsJson() },
  { name: "datasets", title: "Data sets that the kit reads", make: () => datasetsJson() },
  {
    name: "architectures",
    title: "Architectures with runs, and networks whose gradients were compared with PyTorch’s",
    make: ({ runs }) => architecturesJson(runs),
  },
  {
    name: "protocols",
    title: "Protocols in full, with their hashes and changes",
    make: ({ changes }) => protocolsJson(changes),
  },
  {
    name: "comparisons",
    title: "Comparisons of several runs: consistency over seeds, UCES",
    make: ({ comparisons, runs }) => comparisonsJson(comparisons, runs),
  },
  {
    name: "errata",
    title: "Corrections, and which runs they touch",
    make: ({ errata, runs }) => errataJson(errata, runs),
  },
  {
    name: "ledger",
    title: "What people have seen of runs, and what it counts for",
    make: ({ ledger, runs }) => ledgerJson(ledger, runs),
  },
];

/** Files that are no JSON. */
export const tables = [
  { file: "leaderboard.csv", title: "The leaderboard as CSV", type: "text/csv" },
  {
    file: "leaderboard.parquet",
    title: "The leaderboard as Parquet",
    type: "application/vnd.apache.parquet",
  },
] as const;

export function indexJson(source: Source, documents: readonly string[]) {
  const { runs, errata, ledger, comparisons } = source;
  const days = runs.map(({ telemetry }) => day(telemetry.date)).sort();
  return {
    schema: "xai-kit/api/index/1" as const,
    version: "v1" as const,
    kit: manifest.version,
    protocol: standardProtocol.id,
    licence,
    generatedFrom: `${repository}/tree/main/results`,
    state: stateOf(source),
    newest: days.at(-1) ?? null,
    counts: {
      runs: runs.length,
      errata: errata.length,
      ledger: ledger.length,
      comparisons: comparisons.length,
    },
    resources: [
      ...resources.map(({ name, title }) => ({
        path: `${name}.json`,
        title,
        type: "application/json",
        schema: `schemas/${name}.schema.json`,
      })),
      {
        path: "runs/{id}.json",
        title: "One run: its document, its tier with the evidence, its errata",
        type: "application/json",
        schema: "schemas/run.schema.json",
      },
      ...tables.map(({ file, title, type }) => ({ path: file, title, type, schema: null })),
    ],
    documents: documents.map((name) => ({ name, schema: `schemas/documents/${name}.schema.json` })),
  };
}

/** Changes whenever anything that is published does. */
function stateOf({ runs, errata, ledger, comparisons }: Source): string {
  const facts = [
    runs.map(({ id, tier, trust }) => [id, trust?.identity, tier]),
    errata,
    ledger,
    comparisons,
    manifest.version,
  ];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

const none: Trust = { identity: "", evidence: [], errata: [] };

/** What is said of a run beside its document. */
function trustOf({ tier, trust = none }: SiteRun) {
  return {
    sha256: trust.identity,
    tier,
    evidence: trust.evidence.map(({ entry, against }) => ({
      ...entry,
      counts: against === undefined,
      against: against ?? null,
    })),
    errata: trust.errata.map(({ number, cells }) => ({ number, cells })),
  };
}

export function runsJson(runs: readonly SiteRun[]) {
  const current = new Set(newest(runs));
  return {
    schema: "xai-kit/api/runs/1" as const,
    runs: runs.map((run) => {
      const { result, telemetry, id } = run;
      const { model, data, selection } = result;
      const { evidence, ...trust } = trustOf(run);
      return {
        id,
        path: `runs/${id}.json`,
        ...trust,
        evidence: evidence.length,
        newest: current.has(run),
        unranked: whyUnranked(run) ?? null,
        date: telemetry.date,
        protocol: result.protocol.id,
        kit: result.kit,
        engine: `${result.engine.package} ${result.engine.version}, ${result.engine.provider}`,
        data: { id: data.id, title: data.title, track: data.track, split: data.split },
        model: { id: model.id, architecture: model.architecture, family: model.family, sha256: model.sha256 },
        images: selection.samples,
      };
    }),
  };
}

/** The document goes in as the text it is: to parse and write a thousand of them again would cost more than all the rest. */
export function runJson(run: SiteRun, text: string): string {
  const head = JSON.stringify({ schema: "xai-kit/api/run/1", id: run.id, ...trustOf(run) });
  return `${head.slice(0, -1)},"document":${text.trim()}}\n`;
}

/** The protocols that hold it. */
const inProtocols = (kind: "methods" | "metrics", id: string) =>
  protocols.filter((protocol) => protocol[kind].includes(id)).map((protocol) => protocol.id);

const methodsJson = () => ({
  schema: "xai-kit/api/methods/1" as const,
  kit: manifest.version,
  methods: methods.map((m) => ({
    id: m.id,
    title: m.title,
    revision: m.revision,
    paper: m.paper,
    summary: m.summary,
    formula: m.formula,
    limits: m.limits,
    kind: m.kind,
    map: m.map,
    control: m.control === true,
    needs: m.needs,
    params: m.params,
    protocols: inProtocols("methods", m.id),
  })),
});

const metricsJson = () => ({
  schema: "xai-kit/api/metrics/1" as const,
  kit: manifest.version,
  metrics: metrics.map((m) => ({
    id: m.id,
    title: m.title,
    revision: m.revision,
    paper: m.paper,
    summary: m.summary,
    formula: m.formula,
    limits: m.limits,
    family: m.family,
    better: m.better,
    reported: m.reported ?? "mean",
    range: m.range,
    gate: m.gate,
    needs: m.needs,
    params: m.params,
    protocols: inProtocols("metrics", m.id),
  })),
});

const datasetsJson = () => ({
  schema: "xai-kit/api/datasets/1" as const,
  kit: manifest.version,
  datasets: datasets.map((d) => ({
    id: d.id,
    title: d.title,
    paper: d.paper,
    licence: d.licence,
    track: d.track,
    ids: d.ids,
    lacks: d.lacks ?? [],
    params: d.params,
    offers: d.offers,
  })),
});

function architecturesJson(runs: readonly SiteRun[]) {
  const known = new Map<string, { family: string; runs: string[] }>();
  for (const { id, result } of runs) {
    const { architecture, family } = result.model;
    if (architecture === null) continue;
    const entry = known.get(architecture) ?? { family, runs: [] };
    entry.runs.push(id);
    known.set(architecture, entry);
  }
  return {
    schema: "xai-kit/api/architectures/1" as const,
    architectures: [...known]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, entry]) => ({ id, title: architectureLabel(id), ...entry })),
    networks: networks.rows
      // the others were never exported here, for a reason that the kit's page of them gives
      .filter(({ opset }) => opset !== undefined)
      .map(({ model, family, source, opset, status, date }) => ({
        model,
        family,
        source,
        opset,
        status,
        date,
      })),
  };
}

const protocolsJson = (changes: readonly ProtocolChange[]) => ({
  schema: "xai-kit/api/protocols/1" as const,
  standard: standardProtocol.id,
  protocols: protocols.map((protocol) => ({ sha256: protocolHash(protocol), ...protocol })),
  changes,
});

function comparisonsJson(comparisons: Source["comparisons"], runs: readonly SiteRun[]) {
  const ids = new Map(runs.map(({ id, trust }) => [trust?.identity, id]));
  return {
    schema: "xai-kit/api/comparisons/1" as const,
    comparisons: comparisons.map(({ id, document }) => ({
      id,
      runs: document.models.flatMap((model) => model.runs.map(({ sha256 }) => ids.get(sha256) ?? null)),
      document,
    })),
  };
}

const errataJson = (errata: readonly Erratum[], runs: readonly SiteRun[]) => ({
  schema: "xai-kit/api/errata/1" as const,
  errata: errata.map((erratum, k) => ({
    number: k + 1,
    ...erratum,
    runs: runs.flatMap(({ id, trust }) => {
      const mark = trust?.errata.find(({ number }) => number === k + 1);
      return mark === undefined ? [] : [{ id, cells: mark.cells }];
    }),
  })),
});

function ledgerJson(ledger: readonly LedgerEntry[], runs: readonly SiteRun[]) {
  return { schema: "xai-kit/api/ledger/1" as const, entries: ledgerLines(ledger, runs) };
}

/** Every line with what it counts for. */
export function ledgerLines(ledger: readonly LedgerEntry[], runs: readonly SiteRun[]) {
  const byIdentity = new Map(runs.map((run) => [run.trust?.identity, run]));
  const key = (entry: LedgerEntry) => JSON.stringify(entry);
  return ledger.map((entry, k) => {
    const run = byIdentity.get(entry.run);
    const found = run?.trust?.evidence.find((evidence) => key(evidence.entry) === key(entry));
    return {
      number: k + 1,
      ...entry,
      id: run?.id ?? null,
      reproductionId: byIdentity.get(entry.reproduction)?.id ?? null,
      counts: found !== undefined && found.against === undefined,
      against: found?.against ?? null,
    };
  });
}
