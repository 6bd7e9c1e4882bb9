/** `xai-kit models`: what is known of common architectures, and programs that export them. Nothing is ever downloaded here. */
import { type Command, Option } from "commander";
import { KitError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { type Architecture, architectureOf, architectures, weightsOf } from "../model/architectures.ts";
import { similar } from "../suggest.ts";
import { exportProgram, type Library, libraries, librariesOf } from "./export-help.ts";
import type { Io, Run } from "./io.ts";
import { table } from "./table.ts";
import { paragraph } from "./width.ts";

export function registerModels(program: Command, run: Run): void {
  const command = program
    .command("models")
    .description("presets of common architectures, and how to export them from PyTorch")
    .addHelpText(
      "after",
      `
A preset fills what a model's card and the options leave open, by
--architecture ID: mean, std, the way to the input size, the family.

Examples:
  $ xai-kit models list
  $ xai-kit models show vit-b-16
  $ xai-kit models export-help resnet-50 --out export.py`,
    );
  command
    .command("list")
    .description("the presets there are")
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit models list
  $ xai-kit models list --json`,
    )
    .action(run<[]>(list));
  command
    .command("show")
    .description("one preset: its recipe, its weights, the layer that CAM methods read")
    .argument("<architecture>")
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit models show clip-vit-b-16
  $ xai-kit models show resnet-50 --json`,
    )
    .action(run<[string]>(show));
  command
    .command("export-help")
    .description("a Python program that writes the ONNX file and its model card")
    .argument("<architecture>")
    .addOption(
      new Option("--library <name>", "where the model is from; default: what the preset is of").choices([
        ...libraries,
      ]),
    )
    .option("-o, --out <file.py>", "write it there instead of printing it")
    .addHelpText(
      "after",
      `
The program needs Python with PyTorch and the library, and fetches the weights
by the library's own means. Of CLIP it exports the image tower, and computes the
embeddings of your classes' names for --text-embeddings.

Examples:
  $ xai-kit models export-help resnet-50 --out export.py
  $ xai-kit models export-help vit-b-16 --library timm
  $ xai-kit models export-help clip-rn50 > export.py`,
    )
    .action(run<[string, { library?: Library; out?: string }]>(exportHelp));
}

function known(id: string): Architecture {
  const found = architectureOf(id);
  if (found !== undefined) return found;
  const ids = architectures.map((architecture) => architecture.id);
  const close = similar(id, ids);
  throw new KitError("E_USAGE", {
    problem: `there is no preset "${id}"`,
    next: close.length > 0 ? `did you mean ${close.join(" or ")}?` : `known: ${ids.join(", ")}`,
  });
}

async function list(io: Io): Promise<void> {
  const rows = architectures.map(({ id, family, input, source }) => [
    id,
    family,
    `${input.resize.method.slice("pillow-".length)} ${input.resize.resizeTo}, ${input.height}`,
    source.library,
  ]);
  const columns = ["architecture", "family", "resize, crop", "weights of"].map((title) => ({ title }));
  await io.result(
    architectures,
    `${table(columns, rows, { width: io.columns })}\nmore about one: xai-kit models show ID\n`,
  );
}

async function show(io: Io, id: string): Promise<void> {
  const architecture = known(id);
  const { title, paper, family, input, source, camLayer, others } = architecture;
  const [channels, rows, columns] = camLayer.shape;
  const lines = [
    `${title}, ${paper}; family ${family}`,
    `weights: ${weightsOf(architecture)}`,
    `input: 3x${input.height}x${input.width}`,
    `mean: ${input.mean.join(",")}`,
    `std: ${input.std.join(",")}`,
    `resize: ${input.resize.method}, shorter side to ${input.resize.resizeTo}, then the middle ${input.height}x${input.width}`,
    `CAM layer: ${camLayer.what}, ${channels}x${rows}x${columns}; inferred, no --layer needed`,
    ...(source.library === "open_clip"
      ? [`scores: similarity times ${source.scale}, with --text-embeddings`]
      : []),
    ...(others ? [`other weights: ${others}`] : []),
    `used by: --architecture ${id}`,
    `exported by: xai-kit models export-help ${id}`,
  ];
  const width = io.columns ?? 80;
  await io.result(architecture, `${id}\n${lines.map((line) => paragraph(line, width, 2, 4)).join("")}`);
}

async function exportHelp(
  io: Io,
  id: string,
  { library, out }: { library?: Library; out?: string },
): Promise<void> {
  const architecture = known(id);
  const own = librariesOf(architecture);
  const chosen = library ?? own[0];
  if (!own.includes(chosen)) {
    throw new KitError("E_USAGE", {
      problem: `the preset ${id} is not exported from ${chosen}`,
      next: `--library ${own.join(" or ")}`,
    });
  }
  const program = exportProgram(architecture, chosen);
  if (out !== undefined) await writeFileAtomic(out, program);
  await io.result(
    { architecture: id, library: chosen, ...(out === undefined ? { program } : { file: out }) },
    out === undefined ? program : `wrote ${out}; run it with python3 ${out} --help\n`,
  );
}
