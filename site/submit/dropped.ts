/** Which of the files that somebody dropped are the run: run.json, and the scores beside it. Nothing is read to know it. Pure. */

/** What is used of a File. */
export interface Named {
  /** with the folders it was dropped in */
  readonly path: string;
}

export type Picked<F extends Named> =
  | {
      readonly document: F;
      readonly sidecar: F | undefined;
      /** "<data id>/<model id>/<YYYY-MM-DD>-<hash8>", of a run dropped with the folders of results/runs/ */
      readonly place: string | undefined;
      /** files that nobody asked for */
      readonly others: number;
    }
  | { readonly problem: string; readonly next: string };

const nameOf = ({ path }: Named): string => path.slice(path.lastIndexOf("/") + 1);
const folderOf = ({ path }: Named): string => path.slice(0, path.lastIndexOf("/") + 1);

/** @param held  the document of before, which scores that come alone belong to */
export function pick<F extends Named>(files: readonly F[], held?: F): Picked<F> {
  const called = (name: string) => files.filter((file) => nameOf(file) === name);
  const ending = (end: RegExp) => files.filter((file) => end.test(nameOf(file)));
  const runs = called("run.json");
  // a lone file may have another name: a browser calls the second download "run (1).json"
  const documents = runs.length > 0 ? runs : ending(/\.json$/i);
  const tables = ending(/\.parquet$/i);
  const [document = tables.length > 0 ? held : undefined] = documents;
  if (document === undefined) {
    return {
      problem: files.length === 0 ? "nothing was dropped" : "there is no run in it",
      next: "drop a run.json, or the folder of one",
    };
  }
  if (documents.length > 1) {
    const shown = documents.slice(0, 4).map(({ path }) => path);
    const more = documents.length > shown.length ? ` and ${documents.length - shown.length} more` : "";
    return {
      problem: `${documents.length} documents are in it: ${shown.join(", ")}${more}`,
      next: "drop the folder of one run; xai-kit validate takes them all at once",
    };
  }
  const beside = tables.filter(
    (file) => documents.length === 0 || folderOf(file) === folderOf(document) || runs.length === 0,
  );
  const sidecar = beside.find((file) => nameOf(file) === "scores.parquet") ?? beside[0];
  return {
    document,
    sidecar,
    place: /(?:^|\/)results\/runs\/([^/]+\/[^/]+\/[^/]+)\/[^/]+$/.exec(document.path)?.[1],
    others: files.filter((file) => file !== document && file !== sidecar).length,
  };
}
