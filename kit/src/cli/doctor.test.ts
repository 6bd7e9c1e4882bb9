import { describe, expect, it } from "vitest";
import type { Attempt, Diagnosis } from "../engine/node.ts";
import { report } from "./doctor.ts";
import { displayWidth } from "./width.ts";

const works: Attempt = {
  package: "onnxruntime-node",
  provider: "cpu",
  ok: true,
  reason: "check passed: largest error 5.1e-7",
  ms: 0.884,
  maxError: 5.1e-7,
  errors: [5.1e-7, 4e-7],
};
const crashed: Attempt = {
  package: "onnxruntime-node",
  provider: "cuda",
  deviceId: 1,
  ok: false,
  reason: "it crashed the process that tried it (SIGSEGV)",
  next: "install a newer driver, or use another device",
  ms: undefined,
  maxError: undefined,
};
const wrong: Attempt = {
  ...works,
  provider: "webgpu",
  ok: false,
  reason: "wrong numbers",
  errors: [3e-4, 4e-4],
};

const diagnosis = (...devices: Attempt[]): Diagnosis => ({
  machine: {
    platform: "linux",
    arch: "x64",
    node: "24.0.0",
    cpu: "C",
    cores: 2,
    memory: 8e9,
    availableMemory: 4e9,
  },
  tolerance: 2e-5,
  devices,
});

describe("doctor's report", () => {
  const text = report(diagnosis(crashed, works, wrong), 1e9, "cpu", 80);

  it("has a line per device: card, errors at both batches, time", () => {
    expect(text).toMatch(/^cuda:1 +onnxruntime-node +not here +– +– +–$/m);
    expect(text).toMatch(/^cpu +onnxruntime-node +works +5\.1e-7 +4\.0e-7 +0\.88$/m);
    expect(text).toMatch(/^webgpu +onnxruntime-node +WRONG +3\.0e-4 +4\.0e-4/m);
  });

  it("says why not, and what to do, under each other", () => {
    expect(text).toContain(`cuda:1: ${crashed.reason}\n  ${crashed.next}\n`);
    expect(text).toContain("webgpu: wrong numbers\n");
    expect(text).toContain("--device auto takes: cpu.");
  });

  it("fits the width, and ends clearly where nothing works", () => {
    const lines = report(diagnosis(crashed), 1e9, null, 40).split("\n");
    expect(text.split("\n").filter((line) => displayWidth(line) > 80)).toEqual([]);
    expect(lines.at(-2)).toBe("nothing of this can compute here");
  });
});
