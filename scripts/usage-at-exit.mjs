/** For `node --import`: leaves what the process took in the file XAI_USAGE. */
import { writeFileSync } from "node:fs";

process.on("exit", () => {
  writeFileSync(process.env.XAI_USAGE, JSON.stringify(process.resourceUsage()));
});
