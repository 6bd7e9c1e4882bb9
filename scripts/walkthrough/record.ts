/**
 * Runs every command of the walkthrough (site/submit/steps.ts) and keeps what it printed: site/submit/recorded.json, the picture beside it, and
 * the same in CONTRIBUTING.md. The kit is packed and installed in an empty folder first; the fork is a local repository that stands behind
 * the address of the example.
 *
 *   node scripts/walkthrough/record.ts checkpoint.pt
 *
 * The checkpoint comes from scripts/walkthrough/train.py. Needs PyTorch (python3) and, for the whole evaluation, two minutes.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { phantomDomains } from "../../kit/src/phantoms/index.ts";
import { drawPhantom } from "../../kit/src/phantoms/phantom.ts";
import { encodePng } from "../../kit/src/render/png.ts";
import { cleanEnv, installKit, packKit } from "../../kit/test/packed.ts";
import { git, gitEnv, makeResultsRepository } from "../../kit/test/results-repository.ts";
import { type Recorded, walkthroughMarkdown, withWalkthrough } from "../../site/submit/markdown.ts";
import { steps } from "../../site/submit/steps.ts";

const [checkpoint] = process.argv.slice(2);
if (checkpoint === undefined || checkpoint.startsWith("-")) {
  console.log(
    "usage: node scripts/walkthrough/record.ts CHECKPOINT\n\nRuns the commands of the walkthrough and writes down what they print.",
  );
  process.exit(checkpoint === "--help" ? 0 : 2);
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const pytorch = join(root, "kit", "examples", "pytorch");
const recordedFile = join(root, "site", "submit", "recorded.json");
const folder = mkdtempSync(join(tmpdir(), "xai-kit-walkthrough-"));
const app = join(folder, "app");
const fork = "https://github.com/ada/xai-kit";

/** The picture of the third step: a drawn square, at the size of a small photo. */
async function drawPicture(file: string): Promise<void> {
  const shapes = phantomDomains.find(({ id }) => id === "shapes")!;
  const { image } = drawPhantom(shapes, "test", 3, 1);
  const side = Math.sqrt(image.length / 3);
  const data = new Uint8ClampedArray(side * side * 4);
  for (let i = 0; i < side * side; i++) {
    data.set([image[i], image[side * side + i], image[2 * side * side + i], 255], 4 * i);
  }
  writeFileSync(file, await encodePng({ width: side, height: side, data }));
}

try {
  installKit(app, packKit(folder));
  const bare = makeResultsRepository(folder);
  copyFileSync(checkpoint, join(app, "checkpoint.pt"));
  for (const file of ["net.py", "export.py"]) copyFileSync(join(pytorch, file), join(app, file));
  await drawPicture(join(app, "picture.png"));

  const env = {
    ...cleanEnv,
    ...gitEnv,
    COLUMNS: "100",
    PYTHONWARNINGS: "ignore",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `url.${bare}.insteadOf`,
    GIT_CONFIG_VALUE_0: fork,
  };
  const made: Record<string, { command: string; output: string }> = {};
  for (const { id, command } of steps) {
    const branch = command.includes("{branch}")
      ? git(join(app, "xai-kit"), "for-each-ref", "--format=%(refname:short)", "refs/heads/run/")
      : "";
    const ran = command.replace("{branch}", branch);
    console.error(`$ ${ran}`);
    const { status, stdout } = spawnSync("bash", ["-c", `{ ${ran}; } 2>&1`], {
      cwd: app,
      env,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    // git names the repository that stood in
    const output = stdout.replaceAll(bare, fork).replaceAll(`${app}/`, "").replaceAll(folder, "");
    console.error(output);
    if (status !== 0) throw new Error(`${id} ended with ${status}`);
    made[id] = { command: ran, output };
  }

  const head = git(bare, "for-each-ref", "--format=%(objectname)", "refs/heads/run/");
  const comment = join(folder, "comment.md");
  const check = [
    "scripts/check-submission.ts",
    "--repo",
    bare,
    "--base",
    "main",
    "--head",
    head,
    "--from-fork",
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...check, "--comment", comment], {
    cwd: root,
    encoding: "utf8",
  });
  console.error(stdout, stderr);
  if (status !== 0) throw new Error("the check refuses the run");

  const recorded: Recorded = { steps: made, comment: readFileSync(comment, "utf8") };
  writeFileSync(recordedFile, `${JSON.stringify(recorded, null, 2)}\n`);
  for (const { picture } of steps) {
    if (picture === undefined) continue;
    await sharp(join(app, picture.file))
      .png({ palette: true, colours: 128, dither: 0, effort: 10 })
      .toFile(join(root, "site", "submit", picture.file));
  }
  const contributing = join(root, "CONTRIBUTING.md");
  const text = walkthroughMarkdown(steps, recorded, (name) => readFileSync(join(pytorch, name), "utf8"));
  writeFileSync(contributing, withWalkthrough(readFileSync(contributing, "utf8"), text));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
