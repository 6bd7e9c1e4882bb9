import { expect, it } from "vitest";
import { readReport, slowest, verdict } from "./test-report.ts";

const test = (fullName: string, status: string) => ({ fullName, status });
const path = (name: string) => name.replace("/repo/", "");

it("counts a file that failed without a failed test as one failure", () => {
  const { tally, folders } = readReport(
    {
      testResults: [
        { name: "/repo/kit/src/onnx/a.test.ts", status: "passed", assertionResults: [test("one", "passed")] },
        { name: "/repo/kit/src/onnx/broken.test.ts", status: "failed", assertionResults: [] },
        {
          name: "/repo/kit/src/cli/commands/hook.test.ts",
          status: "failed",
          assertionResults: [test("two", "passed"), test("never ran", "skipped")],
        },
        {
          name: "/repo/kit/test/b.test.ts",
          status: "failed",
          assertionResults: [test("three", "failed"), test("four", "failed"), test("later", "todo")],
        },
      ],
    },
    path,
  );
  expect(tally).toEqual({
    passed: 2,
    failed: 4,
    skipped: ["kit/src/cli/commands/hook.test.ts: never ran", "kit/test/b.test.ts: later"],
  });
  expect(folders).toEqual([
    { name: "kit/src/cli", passed: 1, failed: 1 },
    { name: "kit/src/onnx", passed: 1, failed: 1 },
    { name: "kit/test", passed: 0, failed: 2 },
  ]);
});

it("names the slowest files", () => {
  const file = (name: string, seconds: number) => ({
    name: `/repo/${name}`,
    status: "passed",
    startTime: 1000,
    endTime: 1000 + 1000 * seconds,
    assertionResults: [],
  });
  const testResults = [file("a.test.ts", 1.5), file("b.test.ts", 12.34), file("c.test.ts", 0.1)];
  expect(slowest({ testResults }, path, 2)).toEqual(["  12.3 s  b.test.ts", "   1.5 s  a.test.ts"]);
});

it("names skips in the verdict only when there are some", () => {
  expect(verdict({ passed: 3, failed: 0, skipped: [] })).toBe("3 passed, 0 failed");
  expect(verdict({ passed: 3, failed: 1, skipped: ["a", "b"] })).toBe("3 passed, 1 failed, 2 skipped");
});
