/** The process that `apart.ts` starts: tries one device, says how it went, and ends. */
import { existsSync } from "node:fs";
import type { Task } from "./apart.ts";
import { type Attempt, attempt, cudaProviderFile, failed } from "./attempt.ts";
import type { Candidate } from "./channel.ts";

process.once("message", async ({ candidate, repeats }: Task) => {
  const tried = await attempt(candidate, repeats);
  await tried.engine?.close();
  const missing = tried.attempt.ok ? undefined : missingLibrary(candidate);
  const answer: Attempt = missing === undefined ? tried.attempt : failed(candidate, missing);
  process.send?.(answer, undefined, undefined, () => process.disconnect());
});

// Whoever asked has its answer, or is gone: end at once, even in the middle of a driver, and without its tidying up, which may crash.
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));

/** What CUDA's provider lacks. ONNX Runtime says only that it cannot load it; the system's loader names the library. */
function missingLibrary({ provider }: Candidate): string | undefined {
  const file = provider === "cuda" ? cudaProviderFile() : undefined;
  if (file === undefined || !existsSync(file)) return undefined;
  try {
    process.dlopen({ exports: {} }, file);
  } catch (error) {
    const said = error instanceof Error ? error.message : "";
    return /cannot open shared object file/.test(said) ? said : undefined;
  }
  return undefined;
}
