/** `xai-kit list`: the registries, for people and for programs. */
import { Argument, type Command } from "commander";
import { datasets } from "../datasets/index.ts";
import { providers } from "../engine/engine.ts";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import { describeParam, type ParamSpecs } from "../params.ts";
import { protocols } from "../protocol/protocol.ts";
import type { Run } from "./io.ts";
import { table } from "./table.ts";

const parameters = (specs: ParamSpecs) => Object.entries(specs).map(([name, spec]) => ({ name, ...spec }));
const inputs = (specs: Readonly<Record<string, { dims: string; description: string }>> = {}) =>
  Object.entries(specs).map(([name, spec]) => ({ name, ...spec }));
const knobs = (specs: ParamSpecs, names: Readonly<Record<string, unknown>> = {}) => [
  ...Object.entries(specs).map(([name, spec]) => `${name} (${describeParam(spec)})`),
  ...Object.keys(names).map((name) => `--with ${name}`),
];

/** Each registry as data, and as text. */
const lists = {
  methods: () => ({
    data: methods.map(({ cost: _, attribute: __, params, inputs: given, ...entry }) => ({
      ...entry,
      parameters: parameters(params),
      inputs: inputs(given),
    })),
    text: methods
      .map(({ id, title, paper, summary, params, inputs: given, control }) =>
        entryText(id, `${title}${control ? " (control)" : `, ${paper}`}`, summary, knobs(params, given)),
      )
      .join("\n"),
  }),
  metrics: () => ({
    data: metrics.map(({ cost: _, score: __, params, inputs: given, ...entry }) => ({
      ...entry,
      parameters: parameters(params),
      inputs: inputs({
        ...given,
        ...(entry.needs.includes("mask") && {
          mask: { dims: "[H,W]", description: "1 on the object" },
          boxes: { dims: "[N,4]", description: "x0, y0, x1, y1 in pixels, half-open; in place of `mask`" },
        }),
      }),
    })),
    text: metrics
      .map(({ id, title, paper, summary, limits, better, params, inputs: given, needs }) =>
        entryText(
          `${id} ${better === "higher" ? "↑" : "↓"}`,
          `${title}, ${paper}`,
          `${summary} Limits: ${limits}`,
          [...knobs(params, given), ...(needs.includes("mask") ? ["--with mask", "--with boxes"] : [])],
        ),
      )
      .join("\n"),
  }),
  datasets: () => ({
    data: datasets.map(({ resolve: _, params, ...entry }) => ({
      ...entry,
      parameters: parameters(params),
      inputs: [],
    })),
    text: datasets
      .map(({ id, title, licence, where, offers }) =>
        entryText(id, `${title} (${licence})`, where, offers.length > 1 ? [offers.join(", ")] : []),
      )
      .join("\n"),
  }),
  engines: () => {
    const data = [
      {
        id: "onnxruntime",
        title: "ONNX Runtime",
        packages: ["onnxruntime-node (optional, native)", "onnxruntime-web (wasm)"],
        devices: [...providers],
        parameters: [],
        inputs: [],
      },
    ];
    return {
      data,
      text: table(
        [{ title: "engine" }, { title: "packages" }, { title: "devices" }],
        data.map((e) => [e.id, e.packages.join(", "), e.devices.join(", ")]),
      ),
    };
  },
  protocols: () => ({
    data: protocols.map((p) => ({ ...p, parameters: [], inputs: [] })),
    text: table(
      [{ title: "protocol" }, { title: "samples" }, { title: "methods" }, { title: "metrics" }],
      protocols.map((p) => [p.id, p.samples, p.methods.length, p.metrics.length]),
    ),
  }),
} as const;

function entryText(id: string, title: string, summary: string, knobsText: readonly string[]): string {
  return `${[id, `  ${title}`, `  ${summary}`, ...knobsText.map((k) => `    ${k}`)].join("\n")}\n`;
}

export function registerList(program: Command, run: Run): void {
  program
    .command("list")
    .description("what there is: methods, metrics, data sets, engines, protocols")
    .addArgument(new Argument("<what>").choices(Object.keys(lists)))
    .addHelpText("after", "\nExamples:\n  $ xai-kit list methods\n  $ xai-kit list metrics --json")
    .action(
      run<[keyof typeof lists]>(async (io, what) => {
        const { data, text } = lists[what]();
        await io.result(data, text);
      }),
    );
}
