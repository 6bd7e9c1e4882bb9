/** The child process of `fuzz`: loads the target named in argv, then answers one case at a time. */
import { KitError } from "../../src/errors.ts";
import type { Answer } from "./harness.ts";

const target: { run(bytes: Uint8Array): unknown } = await import(process.argv[2]);

async function outcome(bytes: Uint8Array): Promise<Pick<Answer, "outcome"> & { message: string }> {
  try {
    await target.run(bytes);
    return { outcome: "accepted", message: "" };
  } catch (error) {
    if (error instanceof KitError) return { outcome: "rejected", message: error.message };
    return { outcome: "fault", message: error instanceof Error ? (error.stack ?? "") : String(error) };
  }
}

/** Beyond this, garbage is collected between cases, so that no case answers for the ones before it. */
const tidyAbove = 150 * 2 ** 20;

process.on("message", async (bytes: Uint8Array) => {
  const result = await outcome(bytes);
  process.send?.({ ...result, peakMegabytes: process.resourceUsage().maxRSS / 1024 });
  if (process.memoryUsage.rss() > tidyAbove) globalThis.gc?.();
});
process.send?.("ready");
