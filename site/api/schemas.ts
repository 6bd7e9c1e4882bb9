/** JSON Schemas of what the API gives, and those of published documents. A change that breaks a reader is /api/v2/. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { standingColumns } from "./leaderboard.ts";

type Schema = Readonly<Record<string, unknown>>;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const number = { type: "number" } as const;
const count = { type: "integer", minimum: 0 } as const;
const position = { type: "integer", minimum: 1 } as const;
const sha256 = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const day = { type: "string", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" } as const;
const https = { type: "string", pattern: "^https://[!-~]+$" } as const;
const tier = { enum: ["submitted", "recomputed", "reproduced", "attested"] } as const;
const runId = {
  type: "string",
  pattern: "^[a-z0-9-]+/[a-z0-9-]+/[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{8}$",
  description: "Its folder in results/runs/.",
} as const;
const params = { type: "object", description: "Name → type, default, bounds, meaning." } as const;

const list = (items: Schema): Schema => ({ type: "array", items });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] });
/** All of them required; a name that ends in "?" may be missing. */
const object = (properties: Readonly<Record<string, Schema>>, more: Schema = {}): Schema => ({
  type: "object",
  additionalProperties: false,
  properties: Object.fromEntries(Object.entries(properties).map(([name, s]) => [name.replace("?", ""), s])),
  required: Object.keys(properties).filter((name) => !name.endsWith("?")),
  ...more,
});
const document = (name: string): Schema => ({
  $ref: `https://xai-kit.org/schemas/${name}/v1.schema.json`,
});

const ledgerEntry = {
  run: sha256,
  kind: { enum: ["reproduced", "attested"] },
  by: text,
  date: day,
  evidence: https,
  "reproduction?": sha256,
  "note?": text,
  counts: { ...flag, description: "Whether the tier of the run rests on it." },
  against: orNull({ ...text, description: "Why it does not count." }),
};
const mark = object({
  number: { ...position, description: "Line of results/errata.jsonl." },
  cells: { ...position, description: "Values of the run that it affects." },
});
const trust = {
  sha256: { ...sha256, description: "Identity of the run: of its result in RFC 8785 form." },
  tier,
};
const entry = {
  id: text,
  title: text,
  revision: position,
  paper: text,
  summary: text,
  formula: text,
  limits: text,
  needs: list(text),
  params,
  protocols: list(text),
};

const kinds = { STRING: text, DOUBLE: number, INT32: { type: "integer" }, BOOLEAN: flag } as const;

const bodies: Readonly<
  Record<string, { readonly description: string; readonly properties: Readonly<Record<string, Schema>> }>
> = {
  index: {
    description: "What there is. `state` changes whenever anything published does.",
    properties: {
      version: { const: "v1" },
      kit: text,
      protocol: text,
      licence: object({ id: text, url: https }),
      generatedFrom: https,
      state: sha256,
      newest: orNull(day),
      counts: object({ runs: count, errata: count, ledger: count, comparisons: count }),
      resources: list(object({ path: text, title: text, type: text, schema: orNull(text) })),
      documents: list(object({ name: text, schema: text })),
    },
  },
  runs: {
    description: "Every run, in the order of their ids.",
    properties: {
      runs: list(
        object({
          id: runId,
          path: { ...text, description: "Of all about it, under /api/v1/." },
          ...trust,
          errata: list(mark),
          evidence: { ...count, description: "Lines of the ledger about it." },
          newest: { ...flag, description: "Of its model, data set and protocol." },
          unranked: orNull({ ...text, description: "Why the run is never ranked." }),
          date: text,
          protocol: text,
          kit: text,
          engine: text,
          data: object({ id: text, title: text, track: text, split: text }),
          model: object({ id: text, architecture: orNull(text), family: text, sha256 }),
          images: position,
        }),
      ),
    },
  },
  run: {
    description: "One run. `document` is what was published, errata or not.",
    properties: {
      id: runId,
      ...trust,
      evidence: list(object(ledgerEntry)),
      errata: list(mark),
      document: document("run"),
    },
  },
  leaderboard: {
    description: "Rows are lists; `columns` has their names. The column `run` is an index into `runs`.",
    properties: {
      runs: list(
        object({
          run: runId,
          data: text,
          track: text,
          model: text,
          architecture: orNull(text),
          family: text,
          protocol: text,
          date: day,
          tier,
        }),
      ),
      columns: { const: ["run", ...standingColumns.map(({ name }) => name)] },
      rows: list({
        type: "array",
        prefixItems: [
          count,
          ...standingColumns.map(({ type, says }) => ({
            anyOf: [kinds[type], { type: "null" }],
            description: says,
          })),
        ],
        minItems: standingColumns.length + 1,
        maxItems: standingColumns.length + 1,
      }),
    },
  },
  methods: {
    description: "Attribution methods, controls among them.",
    properties: {
      kit: text,
      methods: list(
        object({
          ...entry,
          kind: { enum: ["sensitivity", "contribution", "map"] },
          map: { enum: ["abs-sum", "sum"] },
          control: flag,
        }),
      ),
    },
  },
  metrics: {
    description: "Metrics.",
    properties: {
      kit: text,
      metrics: list(
        object({
          ...entry,
          family: text,
          better: { enum: ["higher", "lower"] },
          reported: { enum: ["mean", "median"] },
          range: { type: "array", prefixItems: [orNull(number), orNull(number)], minItems: 2, maxItems: 2 },
          gate: { enum: ["controls", "none"] },
        }),
      ),
    },
  },
  datasets: {
    description: "Data sets that the kit reads. It downloads none.",
    properties: {
      kit: text,
      datasets: list(
        object({
          id: text,
          title: text,
          paper: text,
          licence: text,
          track: text,
          ids: { enum: ["public", "private"] },
          lacks: list({ enum: ["split", "masks"] }),
          params,
          offers: list(text),
        }),
      ),
    },
  },
  architectures: {
    description: "Architectures with runs; networks whose export and gradients were tried.",
    properties: {
      architectures: list(object({ id: text, title: text, family: text, runs: list(runId) })),
      networks: list(
        object({ model: text, family: text, source: text, opset: position, status: text, date: day }),
      ),
    },
  },
  protocols: {
    description: "Protocols as they are hashed, and what changed.",
    properties: {
      standard: text,
      protocols: list(
        object({
          sha256,
          id: text,
          seed: text,
          samples: position,
          rerunSamples: position,
          methods: list(text),
          metrics: list(text),
          parameters: {
            type: "object",
            additionalProperties: {
              type: "object",
              additionalProperties: { anyOf: [number, flag, text] },
            },
          },
          quick: flag,
        }),
      ),
      changes: list(object({ id: text, date: day, draft: flag, text })),
    },
  },
  comparisons: {
    description:
      "Comparisons of runs. `runs` are those that the document names, null for one that is not here.",
    properties: {
      comparisons: list(object({ id: text, runs: list(orNull(runId)), document: document("comparison") })),
    },
  },
  errata: {
    description: "Corrections, in the order of their lines in results/errata.jsonl.",
    properties: {
      errata: list(
        object({
          number: position,
          affects: object({
            "method?": text,
            "metric?": text,
            revisions: object({ from: position, to: position }),
          }),
          reason: text,
          date: day,
          "evidence?": https,
          runs: list(object({ id: runId, cells: position })),
        }),
      ),
    },
  },
  ledger: {
    description: "Every line of results/ledger.jsonl, and whether it counts.",
    properties: {
      entries: list(
        object({ number: position, ...ledgerEntry, id: orNull(runId), reproductionId: orNull(runId) }),
      ),
    },
  },
};

/** By the name of what they describe. */
export const apiSchemas: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.entries(bodies).map(([name, { description, properties }]) => [
    name,
    {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: `https://xai-kit.org/api/v1/schemas/${name}.schema.json`,
      ...object({ schema: { const: `xai-kit/api/${name}/1` }, ...properties }, { description }),
    },
  ]),
);

/** Of documents that are published or handed in, by their name in schemas/. */
export const documentNames = (): readonly string[] => readdirSync("schemas").sort();

export const documentSchema = (name: string): string =>
  readFileSync(join("schemas", name, "v1.schema.json"), "utf8");
