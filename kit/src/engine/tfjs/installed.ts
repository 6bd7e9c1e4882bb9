/** Which TensorFlow.js packages are installed where the kit would find them. */
import { createRequire } from "node:module";
import type { TfjsPackage } from "./packages.ts";

export function isInstalled(name: TfjsPackage): boolean {
  const require = createRequire(import.meta.url);
  // a backend without the core beside it cannot run
  const needed = name.includes("-backend-") ? [name, "@tensorflow/tfjs-core"] : [name];
  return needed.every((part) => {
    try {
      return require.resolve(part) !== "";
    } catch {
      return false;
    }
  });
}
