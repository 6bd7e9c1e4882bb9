/**
 * Where the oracle and the real models are: `$XAI_FIXTURES`, else `../shared` beside the repository, else nowhere. A user's clone
 * has neither; tests that need them skip by name.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export function fixtures(): string | undefined {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const folder = process.env.XAI_FIXTURES ?? join(root, "..", "shared");
  return existsSync(join(folder, "oracle", "index.json")) ? folder : undefined;
}
