/** Drop a run, see its checks. The code that checks is fetched by the worker, and that is made when the first file comes. */
import { count } from "../lib/format.ts";
import type { Fault, Outcome, Report, Stage } from "../submit/check.ts";
import { checks } from "../submit/checks.ts";
import { pick } from "../submit/dropped.ts";
import type { DroppedFile, Reply, Request } from "../submit/worker.ts";
import { all, make } from "./dom.ts";
import { filesOf } from "./drop-files.ts";

const root = one("[data-dropin]");
const drop = one("[data-drop]");
const work = one("[data-work]");
const stage = one("[data-stage]");
const status = one("[data-status]");
const fault = one("[data-fault]");
const verdict = one("[data-verdict]");

function one(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

let worker: Worker | undefined;
/** of before: scores that come alone belong to it */
let held: DroppedFile | undefined;

/** Of two drops the later counts. */
let drops = 0;

async function take(reading: Promise<readonly DroppedFile[]>): Promise<void> {
  const own = ++drops;
  clear();
  const files = await reading;
  if (own !== drops) return;
  const picked = pick(files, held);
  if ("problem" in picked) {
    held = undefined;
    showFault(picked);
    return;
  }
  const { document: run, sidecar, place, others } = picked;
  held = run;
  start({ document: run, sidecar, place }, others);
}

function start(request: Request, others: number): void {
  worker = new Worker(new URL("../submit/worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    if ("stage" in data) return showStage(data.stage);
    end();
    if ("fault" in data) showFault(data.fault);
    else showReport(data.report, request, others);
  };
  worker.onerror = (event) => {
    end();
    const problem = `the check could not run${event.message ? `: ${event.message}` : ""}`;
    showFault({ problem, next: "reload the page and drop the files again" });
  };
  work.hidden = false;
  stage.textContent = "Fetching the code that checks";
  status.textContent = `Checking ${request.document.path}`;
  worker.postMessage(request);
}

/** With the worker goes what it holds; the next one has its code from the cache. */
function end(): void {
  worker?.terminate();
  worker = undefined;
  work.hidden = true;
}

function clear(): void {
  end();
  fault.replaceChildren();
  status.textContent = "";
  verdict.hidden = true;
  for (const part of all<HTMLElement>("[data-state], [data-outcome]")) part.hidden = true;
}

const stages: Readonly<Record<Stage["part"], string>> = {
  reading: "Reading",
  form: "Form: strict JSON, the schema, one way of writing",
  meaning: "Meaning: methods, metrics and protocol of the registry, counts that fit",
  scores: "Scores",
};

function showStage(now: Stage): void {
  stage.textContent =
    now.part === "scores"
      ? `Scores: computing ${count(now.cells)} means with their intervals, and the ranks, again from ${count(now.rows)} rows`
      : stages[now.part];
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function showFault({ problem, next }: { readonly problem: string; readonly next: string }): void {
  fault.replaceChildren(
    make("p", { class: "problem", text: sentence(problem) }),
    make("p", { text: `Next: ${next}.` }),
  );
}

function showReport(report: Report, { document: run, sidecar }: Request, others: number): void {
  const { ok, tier, identity, place, outcomes, notes, counted } = report;
  const problems = outcomes.reduce((sum, { faults }) => sum + faults.length, 0);
  const whole = ok && tier === "recomputed";
  const says = whole
    ? "Valid: every statistic follows from the scores."
    : ok
      ? "Nothing is wrong so far, but nothing was computed again."
      : `Refused: ${count(problems)} ${problems === 1 ? "problem" : "problems"}.`;
  verdict.dataset.verdict = whole ? "good" : ok ? "open" : "bad";
  write("sentence", says);
  write(
    "why",
    whole && counted
      ? `${count(counted.cells)} means with their intervals, and the ranks, were computed again from ${count(counted.rows)} rows and are the same to the last bit.`
      : ok
        ? "Drop its scores.parquet too: alone, or both files at once."
        : "Each stands below, at its check, with what to do next.",
  );
  const facts: [string, string | null | undefined][] = [
    ["Files", [run.path, sidecar?.path].filter(Boolean).join(", ")],
    ["Identity", identity],
    ["Folder", place && `results/runs/${place}`],
    ["Tier", ok ? tier : undefined],
  ];
  one("[data-facts]").replaceChildren(
    ...facts.flatMap(([name, value]) =>
      value ? [make("div", {}, make("dt", { text: name }), make("dd", { text: value }))] : [],
    ),
  );
  const ignored =
    others > 0
      ? [
          `${count(others)} other ${others === 1 ? "file was" : "files were"} not looked at: only run.json and scores.parquet are handed in; pictures and the journal stay with you`,
        ]
      : [];
  one("[data-notes]").replaceChildren(
    ...[...notes, ...ignored].map((note) => make("li", { text: `Note: ${note}.` })),
  );
  one("[data-next]").hidden = !whole;
  for (const outcome of outcomes) showOutcome(outcome);
  verdict.hidden = false;
  status.textContent = says;
}

const words = new Map<boolean | null, readonly [mark: string, word: string, kind: string]>([
  [true, ["✓", "passed", "good"]],
  [false, ["✕", "failed", "bad"]],
  [null, ["–", "not run", ""]],
]);
/** More are folded. */
const shown = 5;

function showOutcome({ id, passed, faults, open }: Outcome): void {
  const [mark, word, kind] = words.get(passed)!;
  const row = one(`[data-check="${id}"]`);
  const state = row.querySelector<HTMLElement>("[data-state]")!;
  state.className = `state ${kind}`;
  state.replaceChildren(
    make("span", { text: mark, "aria-hidden": "true" }),
    ` ${word}${faults.length > 1 ? `, ${count(faults.length)} problems` : ""}`,
  );
  state.hidden = false;
  const box = row.querySelector<HTMLElement>("[data-outcome]")!;
  const rest = faults.slice(shown);
  box.replaceChildren(
    ...(open === undefined ? [] : [make("p", { class: "open", text: sentence(open) })]),
    ...(faults.length > 0 ? [list(faults.slice(0, shown))] : []),
    ...(rest.length > 0
      ? [make("details", {}, make("summary", { text: `${count(rest.length)} more` }), list(rest))]
      : []),
  );
  box.hidden = false;
}

/** In the words and the order of the command line. */
const list = (faults: readonly Fault[]): HTMLElement =>
  make(
    "ul",
    { class: "faults" },
    ...faults.map(({ file, path, message, code, next }) =>
      make(
        "li",
        {},
        make("code", { text: [file, path].filter(Boolean).join(": ") }),
        make("p", { text: message }),
        make("p", { class: "next", text: `Next: ${next}${code ? `  [${code}]` : ""}` }),
      ),
    ),
  );

function write(name: string, text: string): void {
  one(`[data-${name}]`).textContent = text;
}

const rests = checks.flatMap(({ rest }) => rest ?? []);
write(
  "then",
  `The check of the pull request asks all of this again, and what no page can tell: ${rests.slice(0, -1).join(", ")}, and ${rests.at(-1)}. Within minutes a comment there says so, and what would move in the ranks; then a maintainer merges.`,
);
write(
  "next-text",
  "In the run’s folder. It lists what becomes public, and puts the run on a branch for a pull request from your fork; nothing is sent:",
);

for (const input of all<HTMLInputElement>("[data-files], [data-folder]")) {
  input.webkitdirectory = input.dataset.folder !== undefined;
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])].map((file) => ({
      path: file.webkitRelativePath || file.name,
      file,
    }));
    input.value = ""; // so that the same file can be chosen again, once it is corrected
    if (files.length > 0) void take(Promise.resolve(files));
  });
}
one("[data-stop]").addEventListener("click", () => {
  drops++;
  clear();
  status.textContent = "Stopped.";
});

// a file dropped beside the place would open in its stead, so the whole page is the place
let inside = 0;
const isFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
document.addEventListener("dragenter", (event) => {
  if (isFiles(event)) drop.toggleAttribute("data-over", ++inside > 0);
});
document.addEventListener("dragleave", (event) => {
  if (isFiles(event)) drop.toggleAttribute("data-over", --inside > 0);
});
document.addEventListener("dragover", (event) => {
  if (isFiles(event)) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  if (event.dataTransfer === null || !isFiles(event)) return;
  event.preventDefault();
  inside = 0;
  drop.removeAttribute("data-over");
  root.scrollIntoView({ block: "nearest" });
  void take(filesOf(event.dataTransfer));
});
