import { describe, expect, it } from "vitest";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import { KitError } from "../errors.ts";
import { calibrate, memoryOf, type Speed, secondsFor } from "./estimate.ts";
import type { Task } from "./rehearse.ts";

describe("the time of a plan", () => {
  const work = {
    forward: { images: 300, calls: 3, largest: 200 },
    gradient: { images: 50, calls: 50, largest: 1 },
  };
  const speeds: Record<string, Speed> = {
    forward: { call: 10, image: 1, load: 500 },
    gradient: { call: 8, image: 0, load: 100 },
  };

  it("is that of calls, of images and of loading, each graph once", () => {
    // 3·10 + 300·1 + 50·8 = 730 ms, and 600 of loading
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
  const speedsOf = async (task: (count: number) => number, largest: number, budget = 200) => {
    let [clock, runs] = [0, 0];
    const asked: number[] = [];
    const run: Task = async (_, count) => {
      asked.push(count);
      clock += task(count) + (runs++ === 0 ? 70 : 0);
    };
    const work = { it: { images: 1, calls: 1, largest } };
    const { it: speed } = await calibrate(
      [model],
      { tasks: { it: run }, work },
      { now: () => clock, budget },
    );
    return { speed, asked };
  };

  it("finds what a call, an image and loading take", async () => {
    const { speed, asked } = await speedsOf((count) => 3 + 2 * count, 1000);
    expect(speed.call).toBeCloseTo(3, 12);
    expect(speed.image).toBeCloseTo(2, 12);
    expect(speed.load).toBeCloseTo(70, 12);
    expect(Math.max(...asked)).toBe(40); // as many as fit the budget if each took as long as one alone
  });

  it("asks for no more images than the run will, and at least for two", async () => {
    expect(Math.max(...(await speedsOf(() => 1, 16)).asked)).toBe(16);
    expect(await speedsOf((count) => 1000 * count, 64)).toEqual({
      speed: { call: 0, image: 1000, load: 70 },
      asked: [1, 1, 2],
    });
  });

  it("asks for one where the run will", async () => {
    const { speed, asked } = await speedsOf(() => 5, 1);
    expect(speed).toEqual({ call: 5, image: 0, load: 70 });
    expect(new Set(asked)).toEqual(new Set([1]));
  });

  it("does not time a layer that CAM methods cannot use, and hides no other failure", async () => {
    const failing = (code: "E_CAM_LAYER" | "E_ENGINE_RUN") =>
      speedsOf(() => {
        throw new KitError(code, { problem: "no", next: "" });
      }, 8);
    expect((await failing("E_CAM_LAYER")).speed).toEqual({ call: 0, image: 0, load: 0 });
    await expect(failing("E_ENGINE_RUN")).rejects.toThrow("no");
  });

  it("times engines at once", async () => {
    let [running, most] = [0, 0];
    const run: Task = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    };
    const work = { it: { images: 2, calls: 1, largest: 2 } };
    await calibrate([model, model, model], { tasks: { it: run }, work }, { now: () => performance.now() });
    expect(most).toBe(3);
  });
});

it("knows the weights", () => {
  // w 5·3·3·3, b 5, v 5·4, a 4
  expect(memoryOf(smallModel(smallCnn()).prepared).weights).toBe(4 * (135 + 5 + 20 + 4));
});
