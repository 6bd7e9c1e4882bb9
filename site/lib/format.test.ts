import { describe, expect, it } from "vitest";
import { bytes, duration, estimate, interval, minute, number, percent, power, ranks } from "./format.ts";

describe("number", () => {
  it("shows about three figures", () => {
    expect([0.41234, 1.3, 12.34, 12_400, 0.00042, 0].map((v) => number(v))).toEqual([
      "0.412",
      "1.30",
      "12.3",
      "12,400",
      "0.0004",
      "0.000",
    ]);
  });
  it("has a true minus, and none before zero", () => {
    expect(number(-1.3)).toBe("−1.30");
    expect(number(-0.0001, 2)).toBe("0.00");
  });
  it("is a dash where nothing is known", () => {
    expect(number(null)).toBe("–");
    expect(number(undefined)).toBe("–");
  });
});

describe("estimate", () => {
  it("gives the interval the decimals of its value", () => {
    expect(estimate(0.4, [0.38123, 1.2])).toBe("0.400 [0.381, 1.200]");
    expect(estimate(-2, [-3.456, 1])).toBe("−2.00 [−3.46, 1.00]");
  });
  it("stands alone without an interval, and is a dash without a value", () => {
    expect(estimate(0.4, null)).toBe("0.400");
    expect(estimate(null, [0, 1])).toBe("–");
    expect(interval(null, 2)).toBe("");
  });
});

it("writes rank intervals as short as they are", () => {
  expect(ranks([1, 3])).toBe("1–3");
  expect(ranks([2, 2])).toBe("2");
});

it("writes dates, times, sizes and shares; the space before a unit does not break", () => {
  expect(minute("2026-11-20T23:53:30Z")).toBe("2026-11-20 23:53 UTC");
  expect([5, 59.6, 187, 8000].map((s) => plain(duration(s)))).toEqual([
    "5_s",
    "1_min 0_s",
    "3_min 7_s",
    "2_h 13_min",
  ]);
  expect([512, 184_213, 2 ** 33].map((n) => plain(bytes(n)))).toEqual(["512_B", "179.9_KiB", "8.0_GiB"]);
  expect(plain(percent(0.9731))).toBe("97.3_%");
  expect(percent(null)).toBe("–");
});

const plain = (text: string) => text.replaceAll("\u00a0", "_");

it("writes powers of ten, with spaces that do not break", () => {
  expect([3.14e-7, 1e-10, 2e5].map(power)).toEqual([
    "3.1\u00a0×\u00a010⁻⁷",
    "1.0\u00a0×\u00a010⁻¹⁰",
    "2.0\u00a0×\u00a010⁵",
  ]);
  expect([0, Number.POSITIVE_INFINITY].map(power)).toEqual(["0", "no number"]);
});
