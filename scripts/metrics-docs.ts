/** Writes kit/docs/metrics.md and kit/docs/metrics/<id>.md: what the registry and the oracle's tables say of every metric. */
import { readdirSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { metrics } from "../kit/src/metrics/index.ts";
import type { Family, Metric } from "../kit/src/metrics/metric.ts";
import { quickParams } from "../kit/src/params.ts";
import { protocols } from "../kit/src/protocol/protocol.ts";
import { controlIds } from "../kit/src/stats/expectation.ts";
import { mustScore } from "./control-words.ts";
import {
  countsByLibrary,
  isWritten,
  noteOf,
  type Pages,
  paperLink,
  parameters,
  pinned,
  pins,
  table,
  testsOf,
  writePages,
} from "./registry-docs.ts";
import {
  costText,
  families,
  gates,
  inProtocols,
  legend,
  metricLetters,
  metricNeeds,
  rangeText,
} from "./registry-words.ts";

const help = `usage: node scripts/metrics-docs.ts [--check]

Writes kit/docs/metrics.md and a page per metric, kit/docs/metrics/<id>.md, from
the registry of metrics and the arrays they are compared with. Pages of metrics
that are gone are removed.

  --check  only tell whether the pages are what these say`;

const [standard] = protocols;

const arrows = { higher: "↑", lower: "↓" } as const;

const interval = ([low, high]: Metric["range"]): string => `[${low ?? "−∞"}, ${high ?? "∞"}]`;

const folders = new URL("../kit/src/metrics/", import.meta.url);

/** Of its file, below kit/src. */
function pathOf({ id }: Metric): string {
  const found = readdirSync(fileURLToPath(folders), { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .find((name) => name.endsWith(`/${id}.ts`));
  if (found === undefined) throw new Error(`no file ${id}.ts below kit/src/metrics`);
  return `metrics/${found}`;
}

export function metricPage(metric: Metric, arrays: readonly string[]): string {
  const { id, title, summary, formula, limits, params, inputs, paper, revision, family } = metric;
  const quick = quickParams(params);
  const budgets = Object.keys(quick);
  const [budget] = budgets;
  const path = pathOf(metric);
  const [source, skips] = [noteOf(path, "Source"), noteOf(path, "Skips")];
  const letter = legend(formula, metricLetters);
  const member = inProtocols("metrics", id);
  return `${[
    `# ${title}`,
    "",
    `\`${id}\`, ${families[family].title.toLowerCase()}${member.length === 0 ? "" : `, in protocol ${member.map((p) => `\`${p}\``).join(", ")}`}. Written by \`scripts/metrics-docs.ts\`; do not edit by hand. [All metrics](../metrics.md).`,
    "",
    summary,
    "",
    "```text",
    formula,
    "```",
    "",
    ...(letter === "" ? [] : [`${letter}.`, ""]),
    `- **Better:** ${metric.better} ${arrows[metric.better]}. Values: ${rangeText(metric.range)}.${metric.reported === "median" ? " Reported by its median over images." : ""}`,
    `- **Gate:** ${gates[metric.gate]}`,
    `- **Limits:** ${limits}`,
    ...metric.needs.map((need) => `- **Needs** ${metricNeeds[need]}.`),
    ...(skips === undefined ? [] : [`- **Skips** ${skips}`]),
    "",
    "## What controls must score",
    "",
    `Asserted of every run.${isWritten("controls.md") ? " What they did score on the bundled models: [controls.md](../controls.md)." : ""}`,
    "",
    ...table(
      ["control", "must score"],
      controlIds.map((control) => [
        `[\`${control}\`](../methods/${control}.md)`,
        mustScore(metric.controls[control]),
      ]),
    ),
    "",
    ...parameters(params, inputs),
    "## Cost",
    "",
    `Beyond the attribution: ${costText(metric)}${budgets.length === 0 ? "" : `, ${costText(metric, quick)} with the \`quick\` protocol`}.${budgets.length === 0 ? "" : ` It is set by ${budgets.map((b) => `\`${b}\``).join(", ")}.`} What is the same for all methods of an image is run once.`,
    "",
    "## Source",
    "",
    ...(paper === "none" ? [] : [`- Paper: ${paperLink(paper)}`]),
    ...(source === undefined ? [] : [`- From the paper, and ours: ${source}`]),
    `- Code: [\`kit/src/${path}\`](../../src/${path}), revision ${revision}`,
    "",
    ...pinned(
      arrays,
      "No array of another library is compared; the tests restate the formula.",
      testsOf(path).map((name) => [name, `../../src/${path.slice(0, path.lastIndexOf("/"))}/${name}`]),
    ),
    "## Try it",
    "",
    "```sh",
    `xai-kit score --model model.onnx --input x.npy --attribution phi.npy --metric ${id}${metric.needs.includes("method") ? " --method saliency" : ""}${metric.needs.includes("mask") ? " --with mask=mask.npy" : ""}${budget === undefined ? "" : ` --param ${budget}=${quick[budget]}`}`,
    "```",
  ].join("\n")}\n`;
}

export function metricsPage(arrays: ReadonlyMap<string, readonly string[]>): string {
  const own = Object.keys(families) as readonly Family[];
  return `${[
    "# Metrics",
    "",
    `${metrics.length} metrics of ${own.length} families. Written by \`scripts/metrics-docs.ts\` from the registry (\`kit/src/metrics/\`) and the arrays that metrics are compared with;`,
    "do not edit by hand. Each name leads to formula, parameters, cost, limits, source, and what every control must score.",
    "",
    "- **↑, ↓**: higher is better, lower is better.",
    `- **gate** \`controls\`: a method counts only where it beats every control. \`none\`: a map that ignores the model wins or loses by construction.`,
    `- **needs**: \`method\` runs the method again, \`passes\` takes many passes; both score the first ${standard.rerunSamples} samples. \`mask\`: an annotation. \`signed\`: the signed attribution.`,
    "- **passes**: beyond the attribution, default parameters, nothing shared.",
    `- **protocol**: whether \`${standard.id}\` has it.`,
    "- **pinned**: by whose arrays, how many.",
    ...(isWritten("controls.md")
      ? ["", "What the controls scored, measured: [controls.md](controls.md)."]
      : []),
    ...own
      .filter((family) => metrics.some((m) => m.family === family))
      .flatMap((family) => [
        "",
        `## ${families[family].title}`,
        "",
        families[family].says,
        "",
        ...table(
          ["metric", "id", "", "range", "gate", "needs", "passes", "protocol", "source", "pinned"],
          metrics
            .filter((m) => m.family === family)
            .map((m) => [
              `[${m.title}](metrics/${m.id}.md)`,
              `\`${m.id}\``,
              arrows[m.better],
              interval(m.range),
              m.gate,
              m.needs.join(", "),
              costText(m),
              inProtocols("metrics", m.id).includes(standard.id) ? "✓" : "",
              paperLink(m.paper),
              countsByLibrary(arrays.get(m.id) ?? []),
            ]),
        ),
      ]),
  ].join("\n")}\n`;
}

/** Every page, by its path below kit/docs. */
export function pages(): Pages {
  const arrays = pins((ours) => ours.metric);
  return new Map([
    ["metrics.md", metricsPage(arrays)],
    ...metrics.map((m): [string, string] => [`metrics/${m.id}.md`, metricPage(m, arrays.get(m.id) ?? [])]),
  ]);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  writePages("metrics-docs.ts", help, "metrics", pages);
