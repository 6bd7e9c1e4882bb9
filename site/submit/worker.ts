/** The page's worker: reads the files of one run, and checks them. It is ended to stop it. */
import { clockTolerance } from "../../kit/src/results/admission.ts";
import { sidecarLimits } from "../../kit/src/results/sidecar.ts";
import { jsonLimits } from "../../kit/src/results/strict-json.ts";
import { checkRun, type Report, type RunFile, type Stage } from "./check.ts";

export interface DroppedFile {
  readonly path: string;
  readonly file: File;
}

export interface Request {
  readonly document: DroppedFile;
  readonly sidecar: DroppedFile | undefined;
  readonly place: string | undefined;
}

export type Reply =
  | { readonly stage: Stage }
  | { readonly report: Report }
  | { readonly fault: { readonly problem: string; readonly next: string } };

/** The DOM's types know a page's `self` only. */
const scope = self as unknown as {
  postMessage(message: Reply): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
};

/** No more than one byte beyond what would be accepted: the check says that it is too long. */
async function read({ path, file }: DroppedFile, limit: number): Promise<RunFile> {
  return { path, bytes: new Uint8Array(await file.slice(0, limit + 1).arrayBuffer()) };
}

scope.onmessage = async ({ data: { document, sidecar, place } }) => {
  scope.postMessage({ stage: { part: "reading" } });
  let files: [RunFile, RunFile | undefined];
  try {
    files = [await read(document, jsonLimits.bytes), sidecar && (await read(sidecar, sidecarLimits.bytes))];
  } catch {
    const problem = `${document.path} or the scores beside it cannot be read`;
    scope.postMessage({ fault: { problem, next: "has it been moved or changed? Drop it again" } });
    return;
  }
  try {
    const report = checkRun({
      document: files[0],
      sidecar: files[1],
      place,
      latest: new Date(Date.now() + clockTolerance).toISOString(),
      onStage: (stage) => scope.postMessage({ stage }),
    });
    scope.postMessage({ report });
  } catch (error) {
    // whatever a document did to make this happen must not decide
    const what = error instanceof Error ? `${error.name}: ${error.message}` : "unknown";
    const problem = `the check itself failed: ${what.slice(0, 600)}`;
    scope.postMessage({ fault: { problem, next: "open an issue; this is our fault" } });
  }
};
