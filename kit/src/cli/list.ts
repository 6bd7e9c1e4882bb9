/** `xai-kit list`: the registries, for people and for programs. */
import { Argument, type Command } from "commander";
import { datasets } from "../datasets/index.ts";
import { providers } from "../engine/engine.ts";
import { providerOf, tfjsPackages } from "../engine/tfjs/packages.ts";
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import type { InputSpec } from "../methods/method.ts";
import { metrics } from "../metrics/index.ts";
import { describeParam, type ParamSpecs } from "../params.ts";
import { protocols } from "../protocol/protocol.ts";
import { similar } from "../suggest.ts";
import type { Run } from "./io.ts";
import { type Cell, type Column, table } from "./table.ts";
import { paragraph } from "./width.ts";

type Inputs = Readonly<Record<string, InputSpec>>;

/** What is supplied to metrics that look at an annotation, besides their own inputs. */
export const annotationInputs: Inputs = {
  mask: { dims: "[H,W]", description: "1 on the object" },
  boxes: { dims: "[N,4]", description: "x0, y0, x1, y1 in pixels, half-open; in place of `mask`" },
};

/** The `--with` inputs of a metric. */
export const inputsOf = ({ inputs, needs }: { inputs?: Inputs; needs: readonly string[] }): Inputs => ({
  ...inputs,
  ...(needs.includes("mask") && annotationInputs),
});

/** One registry: its entries as data, as a table, and one by one. */
interface Listing {
  readonly data: readonly { readonly id: string }[];
  readonly columns: readonly Column[];
  readonly row: (k: number) => readonly Cell[];
  /** paragraphs under the id, indentation by leading spaces */
  readonly text: (k: number) => readonly string[];
}

const named = <T>(specs: Readonly<Record<string, T>>) =>
  Object.entries(specs).map(([name, spec]) => ({ name, ...spec }));

const knobs = (params: ParamSpecs, inputs: Inputs) => [
  ...named(params).map((p) => `  --param ${p.name}=…  ${p.description} (${describeParam(p)})`),
  ...named(inputs).map((i) => `  --with ${i.name}=….npy  ${i.dims} ${i.description}`),
];

const lists: Readonly<Record<string, () => Listing>> = {
  methods: () => ({
    data: methods.map(({ cost: _, attribute: __, params, inputs = {}, ...entry }) => ({
      ...entry,
      parameters: named(params),
      inputs: named(inputs),
    })),
    columns: ["method", "needs", "paper"].map((title) => ({ title })),
    row: (k) => {
      const { id, needs, paper } = methods[k];
      return [id, needs.join(", "), paper];
    },
    text: (k) => {
      const { title, paper, summary, params, inputs = {}, control } = methods[k];
      return [`${title}${control ? " (control)" : `, ${paper}`}`, summary, ...knobs(params, inputs)];
    },
  }),
  metrics: () => ({
    data: metrics.map(({ cost: _, score: __, params, inputs: ___, ...entry }, k) => ({
      ...entry,
      parameters: named(params),
      inputs: named(inputsOf(metrics[k])),
    })),
    columns: ["metric", "better", "family", "needs", "paper"].map((title) => ({ title })),
    row: (k) => {
      const { id, better, family, needs, paper } = metrics[k];
      return [id, better, family, needs.join(", "), paper];
    },
    text: (k) => {
      const { title, paper, better, summary, limits, params } = metrics[k];
      return [
        `${title}, ${paper}; ${better} is better`,
        summary,
        `Limits: ${limits}`,
        ...knobs(params, inputsOf(metrics[k])),
      ];
    },
  }),
  datasets: () => ({
    data: datasets.map(({ resolve: _, params, ...entry }) => ({
      ...entry,
      parameters: named(params),
      inputs: [],
    })),
    columns: ["data set", "title", "ids"].map((title) => ({ title })),
    row: (k) => [datasets[k].id, datasets[k].title, datasets[k].ids],
    text: (k) => {
      const { title, licence, where, offers } = datasets[k];
      return [
        `${title} (${licence})`,
        where,
        ...(offers.length > 1 ? ["--data is one of:", ...offers.map((o) => `  ${o}`)] : []),
      ];
    },
  }),
  engines: () => ({
    data: engines,
    columns: ["engine", "packages", "devices"].map((title) => ({ title })),
    row: (k) => [engines[k].id, engines[k].packages.join(", "), engines[k].devices.join(", ")],
    text: (k) => [
      engines[k].title,
      `packages: ${engines[k].packages.join(", ")}`,
      `--device ${engines[k].devices.join(" | ")}`,
    ],
  }),
  protocols: () => ({
    data: protocols.map((p) => ({ ...p, parameters: [], inputs: [] })),
    columns: ["protocol", "samples", "methods", "metrics"].map((title) => ({ title })),
    row: (k) => [
      protocols[k].id,
      protocols[k].samples,
      protocols[k].methods.length,
      protocols[k].metrics.length,
    ],
    text: (k) => {
      const { samples, rerunSamples, methods: ids, metrics: scores } = protocols[k];
      return [
        `${samples} images, ${rerunSamples} for metrics that run the method again`,
        `methods: ${ids.join(", ")}`,
        `metrics: ${scores.join(", ")}`,
      ];
    },
  }),
};

const engines = [
  {
    id: "onnxruntime",
    title: "ONNX Runtime",
    packages: ["onnxruntime-node (optional, native)", "onnxruntime-web (wasm)"],
    devices: [...providers],
    parameters: [],
    inputs: [],
  },
  {
    id: "tfjs",
    title: "TensorFlow.js",
    packages: tfjsPackages.map((name) => `${name} (installed apart)`),
    devices: [...new Set(Object.values(providerOf))],
    parameters: [],
    inputs: [],
  },
];

export function registerList(program: Command, run: Run): void {
  program
    .command("list")
    .description("what there is: methods, metrics, data sets, engines, protocols")
    .usage("<what> [id...]")
    .addArgument(new Argument("<what>").choices(Object.keys(lists)))
    .argument("[id...]", "with its parameters and inputs; `all` for everything")
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit list methods
  $ xai-kit list methods integrated-gradients
  $ xai-kit list metrics --json`,
    )
    .action(
      run<[string, string[]]>(async (io, what, ids) => {
        const listing = lists[what]();
        const known = listing.data.map(({ id }) => id);
        const chosen = ids.length === 0 || ids.includes("all") ? known : ids;
        const at = chosen.map((id) => positionOf(what, known, id));
        const width = io.columns ?? 100;
        const text =
          ids.length === 0
            ? `${table(listing.columns, at.map(listing.row), { width: io.columns })}\nmore about one: xai-kit list ${what} ID\n`
            : at.map((k) => entryText(known[k], listing.text(k), width)).join("\n");
        await io.result(
          at.map((k) => listing.data[k]),
          text,
        );
      }),
    );
}

function positionOf(what: string, known: readonly string[], id: string): number {
  const at = known.indexOf(id);
  if (at >= 0) return at;
  const close = similar(id, known);
  throw new KitError("E_USAGE", {
    problem: `there is no "${id}" among the ${what}`,
    next: close.length > 0 ? `did you mean ${close.join(" or ")}?` : `known: ${known.join(", ")}`,
  });
}

const entryText = (id: string, lines: readonly string[], width: number): string =>
  `${id}\n${lines
    .map((line) => {
      const indent = 2 + line.length - line.trimStart().length;
      return paragraph(line.trimStart(), width, indent, indent + (indent > 2 ? 4 : 0));
    })
    .join("")}`;
