/** How long a model takes for one image: what papers call inference time. It belongs to the machine, so it stands beside the runs and not in them. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { deviceName } from "../engine/device.ts";
import { systemCode, writeError, writeFileAtomic } from "../files.ts";
import { rngOf } from "../rng.ts";
import { quantile } from "../stats/summary.ts";
import type { PassTime } from "../studies/study.ts";
import type { EvaluateOptions } from "./evaluate-one.ts";
import type { Io } from "./io.ts";
import { openSession } from "./session.ts";

const timeFile = (out: string, id: string): string => join(out, "times", `${id}.json`);

const [warmups, passes] = [3, 20];

interface TimeFile extends PassTime {
  /** sha256 */
  readonly model: string;
}

/** Of noise, which takes as long as any picture; nothing where it was measured before of this model on this device. Throws KitError E_WRITE. */
export async function measureTime(io: Io, out: string, id: string, options: EvaluateOptions): Promise<void> {
  const file = timeFile(out, id);
  const session = await openSession({ ...options, threads: options.threads ?? 1 }, { ...io, say() {} });
  try {
    const { model, engine, sha256 } = session;
    const { threads } = engine.info;
    const device = `${deviceName(engine.info)}, ${threads} thread${threads === 1 ? "" : "s"}`;
    const before = options.overwrite ? undefined : await readTime(out, id, sha256);
    if (before?.device === device) return;
    const { channels, height, width } = model.shape;
    const rng = rngOf("xai-kit/study", "pass time");
    const x = Float32Array.from({ length: channels * height * width }, () => rng.uniform());
    const times: number[] = [];
    for (let k = 0; k < warmups + passes; k++) {
      io.signal.throwIfAborted();
      const began = performance.now();
      await model.forward(
        1,
        (_, into) => into.set(x),
        () => undefined,
      );
      if (k >= warmups) times.push(performance.now() - began);
    }
    const at = (q: number) => quantile(times, q)!;
    const found: TimeFile = { model: sha256, ms: at(0.5), low: at(0.025), high: at(0.975), passes, device };
    try {
      await mkdir(dirname(file), { recursive: true });
    } catch (cause) {
      throw writeError(dirname(file), cause);
    }
    await writeFileAtomic(file, `${JSON.stringify(found)}\n`);
  } finally {
    await session.close();
  }
}

/** Undefined where it was not measured, or of another model, or the file is not ours. */
export async function readTime(out: string, id: string, model: string): Promise<PassTime | undefined> {
  try {
    const found = JSON.parse(await readFile(timeFile(out, id), "utf8")) as TimeFile;
    const { ms, low, high, passes, device } = found;
    const ours = [ms, low, high, passes].every(Number.isFinite) && typeof device === "string";
    return ours && found.model === model ? { ms, low, high, passes, device } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
