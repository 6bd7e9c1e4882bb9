/** The table of presets in kit/docs/models.md, between its marks; the rest of the page is written by hand. */
import { architectures, weightsOf } from "../kit/src/model/architectures.ts";

const [begin, end] = ["<!-- presets: written by scripts/models-page.test.ts -->", "<!-- end of presets -->"];

export const presetsTable = (): string =>
  [
    "| `--architecture` | family | weights | mean; std | resize, crop | CAM layer, inferred |",
    "| --- | --- | --- | --- | --- | --- |",
    ...architectures.map((architecture) => {
      const { id, family, input, camLayer } = architecture;
      const { method, resizeTo } = input.resize;
      const colours = `${input.mean.join(", ")}; ${input.std.join(", ")}`;
      return `| \`${id}\` | ${family} | ${weightsOf(architecture)} | ${colours} | ${method} ${resizeTo}, ${input.height} | ${camLayer.what}, ${camLayer.shape.join("×")} |`;
    }),
    "",
    ...architectures.flatMap(({ id, others }) =>
      others === undefined ? [] : [`- \`${id}\`, other weights: ${others}`],
    ),
  ].join("\n");

/** The page with its table as the presets are. Throws where the marks are missing. */
export function pageWith(page: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error("kit/docs/models.md has lost its marks");
  return `${page.slice(0, from)}${begin}\n\n${presetsTable()}\n\n${page.slice(to)}`;
}
