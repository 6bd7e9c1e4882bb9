import { describe, expect, it } from "vitest";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import { KitError } from "../errors.ts";
import { type CalibrateOptions, calibrate, memoryOf, type Speed, secondsFor } from "./estimate.ts";
import type { Task, Work } from "./rehearse.ts";

describe("the time of a plan", () => {
  const work = {
    forward: { images: 304, calls: 7, singles: 4, largest: 200 },
    gradient: { images: 50, calls: 50, singles: 50, largest: 1 },
  };
  const speeds: Record<string, Speed> = {
    forward: { single: 2.5, call: 10, image: 1, load: 500 },
    gradient: { single: 7.8, call: 0, image: 0, load: 100 },
  };

  it("is that of calls, of images and of loading, each graph once", () => {
    // 4·2.5 + 3·10 + 300·1 + 50·7.8 = 730 ms, and 600 of loading
    expect(secondsFor({ ms: 0, work }, speeds, { jobs: 1 })).toBeCloseTo(1.33, 12);
    expect(secondsFor({ ms: 0, work }, speeds, { jobs: 2 })).toBeCloseTo(0.365 + 0.6, 12);
    expect(secondsFor({ ms: 0, work }, speeds, { jobs: 1, copies: 2 })).toBeCloseTo(0.73 + 1.2, 12);
  });

  it("cannot share what this thread does", () => {
    const loads = 0.6;
    expect(secondsFor({ ms: 270, work }, speeds, { jobs: 2 }) - loads).toBeCloseTo(0.5, 12);
    expect(secondsFor({ ms: 900, work }, speeds, { jobs: 16 }) - loads).toBeCloseTo(0.9, 12);
  });

  it("lies between both and the longer where this thread works ahead", () => {
    const of = (ms: number) => secondsFor({ ms, work }, speeds, { jobs: 1, ahead: true }) - 0.6;
    expect(of(0)).toBeCloseTo(0.73, 12);
    expect(of(730)).toBeGreaterThan(0.73);
    expect(of(730)).toBeLessThan(2 * 0.73);
    expect(of(7300)).toBeGreaterThanOrEqual(7.3);
    expect(of(7300)).toBeLessThan(7.3 + 0.2);
  });
});

describe("calibration", () => {
  const model = smallModel(smallCnn());
  const speedsOf = async (
    task: (count: number) => number,
    largest: number,
    { calls = 1, images = 1, singles = 0, ...options }: Partial<Work> & Partial<CalibrateOptions> = {},
  ) => {
    let [clock, runs] = [0, 0];
    const asked: number[] = [];
    const run: Task = async (_, count) => {
      asked.push(count);
      clock += task(count) + (runs++ === 0 ? 70 : 0);
    };
    const work = { it: { images, calls, singles, largest } };
    const { it: speed } = await calibrate(
      [model],
      { tasks: { it: run }, work },
      { now: () => clock, ...options },
    );
    return { speed, asked };
  };
  const largestOf = async (...args: Parameters<typeof speedsOf>) =>
    Math.max(...(await speedsOf(...args)).asked);

  it("finds what a call, an image and loading take", async () => {
    const { speed } = await speedsOf((count) => (count === 1 ? 0.9 : 0.3 + 0.2 * count), 1000);
    expect(speed.single).toBeCloseTo(0.9, 12);
    expect(speed.call).toBeCloseTo(0.3, 12);
    expect(speed.image).toBeCloseTo(0.2, 12);
    expect(speed.load).toBeCloseTo(70, 12);
  });

  it("is not misled by runs that something else held up", async () => {
    let runs = 0;
    const { speed } = await speedsOf((count) => 0.2 * count * (++runs % 5 === 0 ? 9 : 1), 1000);
    expect(speed.image).toBeCloseTo(0.2, 12);
  });

  it("asks for no more images than the run will, and at least for four", async () => {
    expect(await largestOf(() => 0.1, 16)).toBe(16);
    // as many as an eighth of the budget allows if each took as long as one of two
    expect(await largestOf((count) => count, 1000)).toBe(12);
    expect(await speedsOf((count) => 1000 * count, 64)).toEqual({
      speed: { single: 1000, call: 0, image: 1000, load: 70 },
      asked: [1, 1, 2, 4],
    });
  });

  it("asks for one or two where the run will", async () => {
    const one = await speedsOf(() => 5, 1);
    expect(one.speed).toEqual({ single: 5, call: 0, image: 0, load: 70 });
    expect(new Set(one.asked)).toEqual(new Set([1]));
    const two = await speedsOf((count) => 5 * count, 2);
    expect(two.speed).toEqual({ single: 5, call: 10, image: 0, load: 70 });
    expect(new Set(two.asked)).toEqual(new Set([1, 2]));
  });

  it("takes its time for what a long run spends its time on", async () => {
    const long = { images: 100_000 };
    // 100 s by the first look: 2 % of it, and of that an eighth; or as long as told
    expect(await largestOf((count) => count, 1000, long)).toBe(250);
    expect(await largestOf((count) => count, 1000, { ...long, most: 800 })).toBe(100);
    expect((await speedsOf((count) => count, 1000, long)).speed).toEqual({
      single: 1,
      call: 0,
      image: 1,
      load: 70,
    });
  });

  it("does not time a layer that CAM methods cannot use, and hides no other failure", async () => {
    const failing = (code: "E_CAM_LAYER" | "E_ENGINE_RUN") =>
      speedsOf(() => {
        throw new KitError(code, { problem: "no", next: "" });
      }, 8);
    expect((await failing("E_CAM_LAYER")).speed).toEqual({ single: 0, call: 0, image: 0, load: 0 });
    await expect(failing("E_ENGINE_RUN")).rejects.toThrow("no");
  });

  it("times engines at once", async () => {
    let [running, most] = [0, 0];
    const run: Task = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    };
    const work = { it: { images: 2, calls: 1, singles: 0, largest: 2 } };
    await calibrate([model, model, model], { tasks: { it: run }, work }, { now: () => performance.now() });
    expect(most).toBe(3);
  });
});

it("knows the weights", () => {
  // w 5·3·3·3, b 5, v 5·4, a 4
  expect(memoryOf(smallModel(smallCnn()).prepared).weights).toBe(4 * (135 + 5 + 20 + 4));
});
