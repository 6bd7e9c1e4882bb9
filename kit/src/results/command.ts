/** The command that makes a run again. */
import type { Run } from "./document.ts";

/** How to start that version of the kit; before the first release there is none to name. */
export const kitCommand = (version: string): string =>
  version === "0.0.0" ? "npx xai-kit" : `npx xai-kit@${version}`;

/** The file of a split is not published: its hash tells whether one is the same. */
function splitOf({ split, splitFile }: Run["result"]["data"]): string[] {
  if (splitFile !== undefined) return ["--split split.txt"];
  return split === "test" || split === "unknown" ? [] : [`--split ${split}`];
}

/** `file`: the model's, which the document does not know; equal weights have its sha256. */
export function commandOf({ result }: Run, file = `${result.model.id}.onnx`): string {
  const { data, protocol, standard, methods, metrics, selection, engine } = result;
  const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id).join(",");
  const own = methods.filter(({ external }) => external === undefined);
  const maps = methods.flatMap(({ id, external }) =>
    // the schema lets no quote into an address
    external ? [`--maps ${id} --as ${id} --map ${external.map} --source '${external.source}'`] : [],
  );
  const parts = [
    `${kitCommand(result.kit)} evaluate`,
    `--model ${file}`,
    `--data ${data.id}`,
    `--protocol ${protocol.id}`,
    ...splitOf(data),
    ...(engine.provider === "cpu" ? [] : [`--device ${engine.provider}`]),
    ...(standard
      ? []
      : [`--methods ${ids(own)}`, `--metrics ${ids(metrics)}`, `--samples ${selection.samples}`]),
    ...maps,
  ];
  return parts.join(" \\\n  ");
}
