/** Writes kit/docs/methods.md and kit/docs/methods/<id>.md: what the registry, the oracle's tables and the bundled models say of every method. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bundledModels } from "../kit/src/bundled.ts";
import { createPool } from "../kit/src/engine/pool.ts";
import { methods } from "../kit/src/methods/index.ts";
import type { AttributionKind, Cost, MapRule, Method, Need } from "../kit/src/methods/method.ts";
import { createModel, type Model } from "../kit/src/model/model.ts";
import { prepare } from "../kit/src/model/prepare.ts";
import { readModelFile } from "../kit/src/node.ts";
import {
  type ParamSpec,
  type ParamSpecs,
  type ParamValue,
  quickParams,
  resolveParams,
} from "../kit/src/params.ts";
import { comparedWith, type Unmet, unmetNeeds } from "../kit/src/runner/unmet.ts";
import type { Role } from "../kit/src/stats/common.ts";
import { roleOf } from "../kit/src/stats/summarise.ts";
import { attention } from "../kit/test/oracle/attention.ts";
import { cam } from "../kit/test/oracle/cam.ts";
import type { Table } from "../kit/test/oracle/fixture.ts";
import { gradient } from "../kit/test/oracle/gradient.ts";
import { perturbation } from "../kit/test/oracle/perturbation.ts";
import { rules } from "../kit/test/oracle/rules.ts";

const help = `usage: node scripts/methods-docs.ts [--check]

Writes kit/docs/methods.md and a page per method, kit/docs/methods/<id>.md, from
the registry of methods, the arrays they are compared with, and what the bundled
models allow. Pages of methods that are gone are removed.

  --check  only tell whether the pages are what these say`;

/** The surface that costs are told for: the layer is ResNet-50's. */
const surface = { channels: 3, height: 224, width: 224, cam: { channels: 2048, rows: 7, columns: 7 } };

const roles: Readonly<Record<Role, { readonly title: string; readonly says: string }>> = {
  standard: {
    title: "Standard",
    says: "Defined without special rules on convolutional, transformer and contrastive models. Ranks are made among these.",
  },
  further: {
    title: "Further",
    says: "As good, but not for every model, or variants. Placed among the standard ones without moving them.",
  },
  control: {
    title: "Controls",
    says: "Cannot know the model. Run beside every method: what does not beat them is not recommended.",
  },
};

const kinds: Readonly<Record<AttributionKind, string>> = {
  sensitivity: "a rate of change of the score, in logits per pixel unit",
  contribution: "a signed share of a difference of scores, in logits",
  map: "neither a rate of change nor a share: only its order and its shape mean something",
};

const mapRules: Readonly<Record<MapRule, string>> = {
  "abs-sum": "the sizes of its channels, added: Σ_c |Φ|",
  sum: "its channels, added: Σ_c Φ",
};

const needs: Readonly<Record<Need, string>> = {
  gradient:
    "a gradient rule for every operator between the image and the score ([operators](../operators.md))",
  cam: "a layer with a spatial grid, found in the graph or named with `--layer`",
  others: `${comparedWith} other images of the data set to compare with`,
};

/** Who computed the arrays, by the beginnings of their names. */
const libraries: Readonly<Record<string, string>> = {
  captum: "Captum",
  cam: "pytorch-grad-cam",
  zennit: "Zennit",
  own: "float64 formulas of the oracle's own",
};
const otherLibrary = "other arrays";

/** What letters mean in formulas. */
const letters = {
  Φ: "attribution",
  φ: "share of one segment",
  x: "image",
  r: "reference image",
  f: "score of the explained class (its logit)",
  p: "its probability",
  A: "activation of the layer, `Aₖ` its channel k; where a method reads attention, that",
  z: "coalition: which segments show the image",
  R: "relevance",
  g: "gradient",
  h: "mask in [0, 1]",
  "⊙": "elementwise product",
};
/** Those that stand alone in a formula. */
const legend = (formula: string): string =>
  Object.entries(letters)
    .filter(([letter]) => new RegExp(`(?<![A-Za-z])${letter}(?![A-Za-z])`).test(formula))
    .map(([letter, meaning]) => `\`${letter}\` ${meaning}`)
    .join(", ");

const docs = new URL("../kit/docs/", import.meta.url);
const folder = new URL("methods/", docs);

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => [
  row(head),
  row(head.map(() => "---")),
  ...rows.map(row),
];

/** `arXiv:1703.01365` as a link. */
export function paperLink(paper: string): string {
  if (paper === "control" || paper === "none") return "";
  const [scheme, rest] = [paper.slice(0, paper.indexOf(":")), paper.slice(paper.indexOf(":") + 1)];
  if (scheme === "arXiv") return `[${paper}](https://arxiv.org/abs/${rest})`;
  if (scheme === "doi") return `[${paper}](https://doi.org/${rest})`;
  return `<${paper}>`;
}

/** "50 forward and 50 backward passes" */
function passes({ forwards, backwards }: Cost): string {
  const parts = [
    ...(forwards > 0 ? [`${forwards} forward`] : []),
    ...(backwards > 0 ? [`${backwards} backward`] : []),
  ];
  if (parts.length === 0) return "no pass of the model";
  return `${parts.join(" and ")} pass${(backwards || forwards) === 1 ? "" : "es"}`;
}

const costOf = (method: Method, params: Readonly<Record<string, ParamValue>> = {}): Cost =>
  method.cost(resolveParams(method.id, method.params, params), surface);

/** Whether the cost depends on the size of the CAM layer. */
function readsLayer(method: Method): boolean {
  const params = resolveParams(method.id, method.params);
  const small = method.cost(params, { ...surface, cam: { channels: 8, rows: 2, columns: 2 } });
  return JSON.stringify(small) !== JSON.stringify(costOf(method));
}

/** "integer from 1 to 10000" */
function allowed(spec: ParamSpec): string {
  if (spec.type === "boolean") return "true, false";
  if (spec.type === "choice") return spec.choices.map((c) => `\`${c}\``).join(", ");
  const { type, minimum, maximum } = spec;
  if (minimum !== undefined && maximum !== undefined) return `${type} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${type} ≥ ${minimum}`;
  return maximum === undefined ? type : `${type} ≤ ${maximum}`;
}

const parameterRows = (specs: ParamSpecs): readonly (readonly string[])[] => {
  const quick = quickParams(specs);
  return Object.entries(specs).map(([name, spec]) => [
    `\`${name}\``,
    allowed(spec),
    `${spec.default}${name in quick ? ` (quick: ${quick[name]})` : ""}`,
    spec.description,
  ]);
};

/** By method, the arrays of the oracle that it is compared with. */
function pins(): ReadonlyMap<string, readonly string[]> {
  const all: Table = { ...gradient, ...cam, ...perturbation, ...rules, ...attention };
  const found = new Map<string, string[]>();
  for (const [name, { method }] of Object.entries(all)) {
    if (method !== undefined) found.set(method, [...(found.get(method) ?? []), name]);
  }
  return found;
}

/** "Captum: `captum.ig`, …" */
function byLibrary(arrays: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const name of arrays) {
    const library = libraries[name.split(".")[0]] ?? otherLibrary;
    found.set(library, [...(found.get(library) ?? []), name]);
  }
  return found;
}

const sources = new URL("../kit/src/methods/", import.meta.url);
const source = (file: string): string => readFileSync(new URL(file, sources), "utf8");

/** The `Source:` paragraph of a method's comment: what in it is the paper's, and what our choice. */
function sourceNote(id: string): string | undefined {
  if (!existsSync(new URL(`${id}.ts`, sources))) return undefined;
  const [, note] = /^ \* Source: (.*?)(?=\n \*\/|\n \*\n)/ms.exec(source(`${id}.ts`)) ?? [];
  return note?.replaceAll(/\n \*\s*/g, " ").trim();
}

/** Test files that import the method's file, or bear its name. */
function testsOf(id: string): readonly string[] {
  return readdirSync(sources)
    .filter((name) => name.endsWith(".test.ts") && name !== "index.test.ts")
    .filter((name) => name === `${id}.test.ts` || source(name).includes(`"./${id}.ts"`))
    .sort();
}

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
  const note = sourceNote(id);
  const tests = testsOf(id);
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
    `${legend(formula)}.`,
    "",
    `- **What it is:** ${kinds[method.kind]}.`,
    `- **As a map:** ${mapRules[method.map]}.`,
    `- **Limits:** ${limits}`,
    "",
    "## Parameters",
    "",
    ...(Object.keys(params).length === 0
      ? ["None."]
      : table(["`--param`", "values", "default", "what"], parameterRows(params))),
    "",
    ...(input === undefined
      ? []
      : [
          "## Inputs",
          "",
          "What it would draw or choose itself, and can be given instead:",
          "",
          ...table(
            ["`--with`", "dims", "what"],
            Object.entries(inputs).map(([name, { dims, description }]) => [`\`${name}\``, dims, description]),
          ),
          "",
        ]),
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
    "## How it is pinned",
    "",
    ...(arrays.length === 0
      ? [
          roleOf(method) === "control"
            ? "By its definition; what it scores on each metric is asserted (its `controls`)."
            : "No array of another library is compared; the tests restate the formula.",
        ]
      : [
          "Arrays of the oracle (`kit/test/oracle.test.ts`), on four models:",
          "",
          ...[...byLibrary(arrays)].map(
            ([library, names]) => `- ${library}: ${names.map((n) => `\`${n}\``).join(", ")}`,
          ),
        ]),
    ...(tests.length === 0
      ? []
      : ["", `Tests: ${tests.map((name) => `[\`${name}\`](../../src/methods/${name})`).join(", ")}.`]),
    "",
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
    ...(existsSync(new URL("methods-cost.md", docs))
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
              [...byLibrary(arrays.get(m.id) ?? [])]
                .map(([library, names]) => `${library} ${names.length}`)
                .join(", "),
            ]),
        ),
      ]),
  ].join("\n")}\n`;
}

/** Every page, by its path below kit/docs. */
export function pages(): ReadonlyMap<string, string> {
  const models = tried();
  const arrays = pins();
  return new Map([
    ["methods.md", methodsPage(models, arrays)],
    ...methods.map((m): [string, string] => [
      `methods/${m.id}.md`,
      methodPage(m, models, arrays.get(m.id) ?? []),
    ]),
  ]);
}

/** Pages that are not what they should be, those of methods that are gone among them. */
export function stale(wanted: ReadonlyMap<string, string>): readonly string[] {
  const there = existsSync(folder) ? readdirSync(folder).map((name) => `methods/${name}`) : [];
  const written = (path: string) => {
    const url = new URL(path, docs);
    return existsSync(url) ? readFileSync(url, "utf8") : undefined;
  };
  return [
    ...[...wanted].filter(([path, page]) => written(path) !== page).map(([path]) => path),
    ...there.filter((path) => !wanted.has(path)),
  ].sort();
}

function main(): void {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) {
    console.log(help);
    return;
  }
  const wanted = pages();
  const wrong = stale(wanted);
  if (values.check) {
    if (wrong.length === 0) return;
    console.error(
      `not current: ${wrong.map((path) => `kit/docs/${path}`).join(", ")}: run node scripts/methods-docs.ts`,
    );
    process.exitCode = 1;
    return;
  }
  mkdirSync(folder, { recursive: true });
  for (const path of wrong) {
    const page = wanted.get(path);
    if (page === undefined) rmSync(fileURLToPath(new URL(path, docs)));
    else writeFileSync(new URL(path, docs), page);
  }
  console.log(`${wanted.size} pages, ${wrong.length} written or removed`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main();
