/** Reads vitest's JSON report into the numbers that `npm test` ends with. */

export interface Tally {
  passed: number;
  failed: number;
  skipped: string[];
}

/** The parts of vitest's JSON report that we use. */
export interface Report {
  testResults: {
    name: string;
    status: string;
    /** milliseconds of an epoch */
    startTime?: number;
    endTime?: number;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

/** One folder of test files, `kit/src/onnx`. */
export interface FolderTally {
  name: string;
  passed: number;
  failed: number;
}

/**
 * A file that failed without a failed test (it could not be imported, or a hook threw) is one failure;
 * whatever neither passed nor failed is a skip, and has a name.
 */
export function readReport(
  report: Report,
  path: (name: string) => string,
): { tally: Tally; folders: FolderTally[] } {
  const tally: Tally = { passed: 0, failed: 0, skipped: [] };
  const folders = new Map<string, FolderTally>();
  for (const file of report.testResults) {
    const count = (status: string) => file.assertionResults.filter((test) => test.status === status).length;
    const passed = count("passed");
    const failed = Math.max(count("failed"), file.status === "failed" ? 1 : 0);
    for (const test of file.assertionResults) {
      if (test.status !== "passed" && test.status !== "failed") {
        tally.skipped.push(`${path(file.name)}: ${test.fullName}`);
      }
    }
    tally.passed += passed;
    tally.failed += failed;

    const name = path(file.name).split("/").slice(0, -1).slice(0, 3).join("/");
    const folder = folders.get(name) ?? { name, passed: 0, failed: 0 };
    folder.passed += passed;
    folder.failed += failed;
    folders.set(name, folder);
  }
  return { tally, folders: [...folders.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** The files that took longest, as lines: "12.3 s  kit/test/a.test.ts". */
export function slowest(report: Report, path: (name: string) => string, most = 20): string[] {
  return report.testResults
    .map(({ name, startTime = 0, endTime = 0 }) => ({
      name: path(name),
      seconds: (endTime - startTime) / 1000,
    }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, most)
    .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(6)} s  ${name}`);
}

export function verdict({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`;
}
