/** Writes kit/docs/methods.md and kit/docs/methods/<id>.md: what the registry, the oracle's tables and the bundled models say of every method. */
import { pathToFileURL } from "node:url";
import { bundledModels } from "../kit/src/bundled.ts";
import { createPool } from "../kit/src/engine/pool.ts";
import { methods } from "../kit/src/methods/index.ts";
import type { Cost, Method } from "../kit/src/methods/method.ts";
import { createModel, type Model } from "../kit/src/model/model.ts";
import { prepare } from "../kit/src/model/prepare.ts";
import { readModelFile } from "../kit/src/node.ts";
import { quickParams } from "../kit/src/params.ts";
import { comparedWith, type Unmet, unmetNeeds } from "../kit/src/runner/unmet.ts";
import type { Role } from "../kit/src/stats/common.ts";
import { roleOf } from "../kit/src/stats/summarise.ts";
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
  costOf,
  kinds,
  legend,
  mapRules,
  methodLetters,
  methodNeeds,
  passes,
  readsLayer,
  roles,
  surface,
} from "./registry-words.ts";

const help = `usage: node scripts/methods-docs.ts [--check]

Writes kit/docs/methods.md and a page per method, kit/docs/methods/<id>.md, from
the registry of methods, the arrays they are compared with, and what the bundled
models allow. Pages of methods that are gone are removed.

  --check  only tell whether the pages are what these say`;

const needs = methodNeeds("../");

/** One bundled model of each architecture, and why methods cannot explain it. */
interface Tried {
  readonly architecture: string;
  readonly model: string;
  readonly unmet: Unmet;
}

export function tried(): readonly Tried[] {
  return bundledModels()
    .filter(({ id }) => id.startsWith("shapes-"))
    .map(({ id, path, card }) => ({
      architecture: architectures[id.slice("shapes-".length)] ?? id,
      model: id,
      unmet: unmetNeeds(unrun(prepare(readModelFile(path).graph, { card })), methods, comparedWith),
    }));
}

const architectures: Readonly<Record<string, string>> = {
  resnet: "ResNet",
  densenet: "DenseNet",
  vit: "ViT",
  clip: "CLIP",
};

/** A model that is looked at only. */
function unrun(prepared: ReturnType<typeof prepare>): Model {
  const load = () => Promise.reject(new Error("applicability is decided on the graph, without running it"));
  return createModel(prepared, { pool: createPool({ load }), memory: 0 });
}

/** What it needs of a model, and which of the bundled ones have it. */
function applicability({ id, needs: asked, refuses }: Method, models: readonly Tried[]): readonly string[] {
  return [
    "## Where it applies",
    "",
    ...(asked.length === 0
      ? ["It needs the model's scores only."]
      : ["It needs:", "", ...asked.map((need) => `- ${needs[need]}`)]),
    ...(refuses === undefined
      ? []
      : [
          "",
          "The graph of each model is looked at first: where it has no agreed rule, it is not applicable, and the reason names the operator.",
        ]),
    "",
    ...table(
      ["bundled model", "architecture", "applies"],
      models.map(({ model, architecture, unmet }) => [
        `\`${model}\``,
        architecture,
        id in unmet ? `not applicable: ${unmet[id]}` : "yes",
      ]),
    ),
    "",
  ];
}

export function methodPage(method: Method, models: readonly Tried[], arrays: readonly string[]): string {
  const { id, title, summary, formula, limits, params, inputs = {}, paper, revision } = method;
  const budgets = Object.keys(quickParams(params));
  const quick = quickParams(params);
  const note = noteOf(`methods/${id}.ts`, "Source");
  const [budget] = budgets;
  const [input] = Object.keys(inputs);
  return `${[
    `# ${title}`,
    "",
    `\`${id}\`, ${roleOf(method) === "control" ? "a control" : `one of the ${roleOf(method)} methods`}. Written by \`scripts/methods-docs.ts\`; do not edit by hand. [All methods](../methods.md).`,
    "",
    summary,
    "",
    "```text",
    formula,
    "```",
    "",
    `${legend(formula, methodLetters)}.`,
    "",
    `- **What it is:** ${kinds[method.kind]}.`,
    `- **As a map:** ${mapRules[method.map]}.`,
    `- **Limits:** ${limits}`,
    "",
    ...parameters(params, inputs),
    "## Cost",
    "",
    `At 224×224${readsLayer(method) ? ` with a layer of ${surface.cam.channels} channels on ${surface.cam.rows}×${surface.cam.columns}` : ""}: ${passes(costOf(method))}${budgets.length === 0 ? "" : `, ${passes(costOf(method, quick))} with the \`quick\` protocol`}.${budgets.length === 0 ? "" : ` It is set by ${budgets.map((b) => `\`${b}\``).join(", ")}.`} Passes that several methods ask for at the same image are run once.`,
    "",
    ...(roleOf(method) === "control" ? [] : applicability(method, models)),
    "## Source",
    "",
    ...(paper === "control" || paper === "none" ? [] : [`- Paper: ${paperLink(paper)}`]),
    ...(note === undefined ? [] : [`- From the paper, and ours: ${note}`]),
    `- Code: [\`kit/src/methods/${id}.ts\`](../../src/methods/${id}.ts), revision ${revision}`,
    "",
    ...pinned(
      arrays,
      roleOf(method) === "control"
        ? "By its definition; what it scores on each metric is asserted (its `controls`)."
        : "No array of another library is compared; the tests restate the formula.",
      testsOf(`methods/${id}.ts`).map((name) => [name, `../../src/methods/${name}`]),
    ),
    "## Try it",
    "",
    "```sh",
    `xai-kit explain image.png --model model.onnx --method ${id}${budget === undefined ? "" : ` --param ${budget}=${quick[budget]}`}${method.needs.includes("others") ? " --others photos" : ""} --out map.png`,
    ...(input === undefined
      ? []
      : [
          `xai-kit attribute --model model.onnx --input x.npy --method ${id} --with ${input}=${input}.npy --out phi.npy`,
        ]),
    "```",
  ].join("\n")}\n`;
}

export function methodsPage(
  models: readonly Tried[],
  arrays: ReadonlyMap<string, readonly string[]>,
): string {
  const count = (role: Role) => methods.filter((m) => roleOf(m) === role).length;
  const applies = (id: string) => models.map(({ unmet }) => (id in unmet ? "–" : "✓"));
  const short = ({ forwards, backwards }: Cost) => `${forwards} + ${backwards}`;
  return `${[
    "# Methods",
    "",
    `${methods.length} attribution methods: ${count("standard")} standard, ${count("further")} further, ${count("control")} controls. Written by \`scripts/methods-docs.ts\` from the registry (\`kit/src/methods/\`), the`,
    "arrays that methods are compared with, and the bundled models; do not edit by hand. Each name leads to formula, parameters, cost, limits and source.",
    "",
    "- **kind**: of Φ. A *sensitivity* is a rate of change, a *contribution* a signed share of a difference of scores, a *map* neither.",
    "- **needs**: gradient rules, a CAM layer, or other images to compare with; nothing: scores only.",
    "- **passes**: forward + backward, at 224×224 with a CAM layer of 2048 channels on 7×7, default parameters, nothing shared.",
    `- **${models.map((m) => m.architecture).join(", ")}**: whether it applies to the bundled model of that kind; the method's page says why not.`,
    "- **pinned**: by whose arrays, how many.",
    ...(isWritten("methods-cost.md")
      ? [
          "",
          "Time, passes and applicability on larger networks, measured: [methods-cost.md](methods-cost.md).",
        ]
      : []),
    ...(["standard", "further", "control"] as const)
      .filter((role) => count(role) > 0)
      .flatMap((role) => [
        "",
        `## ${roles[role].title}`,
        "",
        roles[role].says,
        "",
        ...table(
          [
            "method",
            "id",
            "kind",
            "needs",
            "passes",
            ...models.map((m) => m.architecture),
            "source",
            "pinned",
          ],
          methods
            .filter((m) => roleOf(m) === role)
            .map((m) => [
              `[${m.title}](methods/${m.id}.md)`,
              `\`${m.id}\``,
              m.kind,
              m.needs.join(", "),
              short(costOf(m)),
              ...applies(m.id),
              paperLink(m.paper),
              countsByLibrary(arrays.get(m.id) ?? []),
            ]),
        ),
      ]),
  ].join("\n")}\n`;
}

/** Every page, by its path below kit/docs. */
export function pages(): Pages {
  const models = tried();
  const arrays = pins((ours) => ours.method);
  return new Map([
    ["methods.md", methodsPage(models, arrays)],
    ...methods.map((m): [string, string] => [
      `methods/${m.id}.md`,
      methodPage(m, models, arrays.get(m.id) ?? []),
    ]),
  ]);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  writePages("methods-docs.ts", help, "methods", pages);
