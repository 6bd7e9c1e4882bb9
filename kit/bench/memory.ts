/** What `xai-kit evaluate` holds in memory while it works, whether that grows, and how much of its time models take. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundledModels } from "../src/bundled.ts";
import { rssOf, watchRss } from "./rss.ts";

const help = `usage: node kit/bench/memory.ts [options] [-- options of evaluate]

Runs xai-kit evaluate as a process of its own and watches it: memory at every
50th image, the line through the points of the second half (a process warms
up), the peak, and how the time was spent. Without --model, a bundled model
explains 1,000 drawn images with the quick protocol: a few minutes.

  --model FILE   with --data in place of the bundled model
  --data SPEC
  --images 1000  images to explain
  --every 50     images between two points
  --json         the same as JSON

For example, ViT-B/16 of torchvision on four pictures in folders:
  node kit/bench/memory.ts --model vit_b_16.onnx --data folder:pictures \\
    --images 4 --every 1 -- --protocol quick --metrics infidelity,randomisation`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string" },
    data: { type: "string" },
    images: { type: "string", default: "1000" },
    every: { type: "string", default: "50" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

interface Point {
  readonly images: number;
  readonly megabytes: number;
}

interface Report {
  readonly model: string;
  readonly images: number;
  readonly seconds: number;
  /** undefined where the system does not tell */
  readonly peakMegabytes: number | undefined;
  /** of the line through the points of the second half; undefined with fewer than three of them */
  readonly megabytesPer100Images: number | undefined;
  readonly points: readonly Point[];
  /** in the words of evaluate --debug */
  readonly time: string | undefined;
}

/** Counts the samples a journal tells of, reading on from where the last call ended. */
function sampleCounter(path: string): () => number {
  let [at, count, rest] = [0, 0, ""];
  const buffer = Buffer.alloc(1 << 16);
  return () => {
    if (!existsSync(path)) return 0;
    const file = openSync(path, "r");
    try {
      for (let read = 1; read > 0; ) {
        read = readSync(file, buffer, 0, buffer.length, at);
        at += read;
        const lines = (rest + buffer.toString("latin1", 0, read)).split("\n");
        rest = lines.pop() ?? "";
        count += lines.filter((line) => line.includes('"data":{"kind":"sample"')).length;
      }
    } finally {
      closeSync(file);
    }
    return count;
  };
}

/** Least squares: how much y grows with x. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, p) => sum + p[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const [above, below] = points.reduce(
    ([a, b], p) => [a + (p[0] - x) * (p[1] - y), b + (p[0] - x) ** 2],
    [0, 0],
  );
  return above / below;
}

async function measure(): Promise<Report> {
  const [bundled] = bundledModels();
  const model = values.model ?? bundled.path;
  const data = values.data ?? (values.model === undefined ? bundled.dataset : undefined);
  if (data === undefined) throw new Error("--model needs --data");
  const images = Number(values.images);
  const every = Number(values.every);
  const folder = mkdtempSync(join(tmpdir(), "xai-kit-bench-"));
  const out = join(folder, "run");
  const plain = ["--protocol", "quick", ...(values.data === undefined ? ["--split", "train"] : [])];
  const argv = ["evaluate", "--model", model, "--data", data, "--samples", `${images}`, "--pictures", "0"];
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL("../src/cli/main.ts", import.meta.url)),
      ...argv,
      ...(positionals.length > 0 ? positionals : plain),
      ...["--out", out, "--debug"],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  try {
    const count = sampleCounter(join(out, "journal.jsonl"));
    const points: Point[] = [];
    const watch = watchRss(child.pid!, 100, ({ now }) => {
      const done = count();
      const due = (points.at(-1)?.images ?? 0) + every;
      if (done >= due) points.push({ images: done, megabytes: Math.round(now / 1e6) });
    });
    const [code] = await once(child, "close");
    const peak = watch.stop();
    if (code !== 0) throw new Error(`evaluate ended with ${code}:\n${said.slice(-2000)}`);
    const settled = points.filter((p) => p.images > images / 2);
    return {
      model,
      images,
      seconds: Math.round((performance.now() - start) / 100) / 10,
      peakMegabytes: rssOf(process.pid) === undefined ? undefined : Math.round(peak / 1e6),
      megabytesPer100Images:
        settled.length < 3
          ? undefined
          : Math.round(1000 * slope(settled.map((p) => [p.images, p.megabytes]))) / 10,
      points,
      time: /^time: (.*)$/m.exec(said)?.[1],
    };
  } finally {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

const report = await measure();
if (values.json) console.log(JSON.stringify(report, undefined, 2));
else {
  for (const { images, megabytes } of report.points) console.log(`${images} images: ${megabytes} MB`);
  const { megabytesPer100Images: growth, peakMegabytes: peak } = report;
  console.log(
    `growth: ${growth === undefined ? "too few points" : `${growth.toFixed(1)} MB per 100 images`}; peak: ${peak ?? "unknown"} MB; ${report.seconds} s in all`,
  );
  console.log(`time: ${report.time}`);
}
