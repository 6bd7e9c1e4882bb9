import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["kit/**/*.test.ts", "scripts/**/*.test.ts", "site/**/*.test.ts"],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // by itself it leaves a core free, which of two is half
    maxWorkers: availableParallelism(),
  },
});
