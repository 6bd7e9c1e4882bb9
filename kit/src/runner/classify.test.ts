import { describe, expect, it } from "vitest";
import { type Drawn, datasetOf } from "../../test/drawn-dataset.ts";
import { logitsOf, smallCnn, smallModel } from "../../test/small-models.ts";
import { classificationQuality } from "../stats/classification.ts";
import { classify, qualityOf } from "./classify.ts";
import { pixelsOf } from "./pixels.ts";

const resize = { method: "bilinear" } as const;
const drawn = (n: number, labels: (k: number) => readonly number[]): Drawn[] =>
  Array.from({ length: n }, (_, k) => ({ id: `s${k}`, labels: labels(k) }));

describe("classify", () => {
  it("reads every image, in groups, and agrees with one image at a time", async () => {
    const model = smallModel(smallCnn());
    const dataset = datasetOf(
      drawn(70, (k) => [k % 4]),
      { classes: 4 },
    );
    const seen: number[] = [];
    const { quality, probabilities } = await classify(model, dataset, resize, {
      onImage: (n) => seen.push(n),
    });
    expect(seen).toEqual([64, 70]);
    expect(probabilities).toHaveLength(280);
    const expected: number[] = [];
    for await (const sample of dataset.read()) {
      const [logits] = await logitsOf(model, [pixelsOf(sample.image, model.shape, resize)]);
      expected.push(...model.probabilities(logits));
    }
    expect([...probabilities]).toEqual(expected);
    expect(quality).toEqual(
      classificationQuality({
        task: "multi-class",
        probabilities: { rows: 70, columns: 4, data: probabilities },
        labels: Array.from({ length: 70 }, (_, k) => k % 4),
      }),
    );
    expect(model.passes.forwards).toBe(140);
  });

  it("takes every label of a multi-label sample", async () => {
    const model = smallModel(smallCnn({ tail: "Sigmoid" }));
    const labels = (k: number) => [[], [0, 2], [1], [0, 1, 2, 3]][k % 4];
    const dataset = datasetOf(drawn(9, labels), { classes: 4, task: "multi-label" });
    const { quality, probabilities } = await classify(model, dataset, resize);
    const truth = Array.from({ length: 36 }, (_, i) => Number(labels(Math.floor(i / 4)).includes(i % 4)));
    expect(quality).toEqual(
      classificationQuality({
        task: "multi-label",
        probabilities: { rows: 9, columns: 4, data: probabilities },
        truth,
      }),
    );
  });

  it("knows a single output as two classes", async () => {
    const model = smallModel(smallCnn({ classes: 1 }));
    const dataset = datasetOf(
      drawn(6, (k) => [k % 2]),
      { classes: 2, task: "binary" },
    );
    const { quality, probabilities } = await classify(model, dataset, resize);
    for (let k = 0; k < 6; k++) expect(probabilities[2 * k] + probabilities[2 * k + 1]).toBeCloseTo(1, 9);
    expect(quality.perClass).toHaveLength(2);
  });

  it("takes a tie of a single output for class 1, as the explained class is", () => {
    const prepared = { task: "binary", link: "sigmoid" } as const;
    const image = (at: number, f: number, label: number) => ({
      ...{ at, id: `s${at}`, labels: [label], pixels: "" },
      logits: Float32Array.of(-f, f),
    });
    const { quality } = qualityOf([image(0, 0, 1), image(1, -2, 0), image(2, 40, 1), image(3, 50, 0)], {
      classes: 2,
      prepared,
    });
    expect(quality.confusion).toEqual([
      [1, 1],
      [0, 2],
    ]);
    // 1 − p of the last two is the same number; p of class 1 rounds to 1 for both
    expect(quality.perClass).toHaveLength(2);
  });

  it("takes the card's thresholds, and leaves labels aside that nobody knows", async () => {
    const thresholds = [0.2, 0.5, 0.5, 0.9];
    const card = { thresholds };
    const model = smallModel(smallCnn({ tail: "Sigmoid" }), { card });
    const labels = (k: number) => [[], [0, 2], [1], [0, 1, 2, 3]][k % 4];
    const unknown = (k: number) => [[1], [3], [0, 2, 3], []][k % 4];
    const dataset = datasetOf(
      Array.from({ length: 9 }, (_, k) => ({ id: `s${k}`, labels: labels(k), unknown: unknown(k) })),
      { classes: 4, task: "multi-label" },
    );
    const { quality, probabilities } = await classify(model, dataset, resize);
    const truth = Array.from({ length: 36 }, (_, i) => {
      const [k, label] = [Math.floor(i / 4), i % 4];
      return unknown(k).includes(label) ? -1 : Number(labels(k).includes(label));
    });
    const matrix = { rows: 9, columns: 4, data: probabilities };
    const expected = { task: "multi-label", probabilities: matrix, truth } as const;
    expect(quality).toEqual(classificationQuality({ ...expected, thresholds }));
    expect(quality).not.toEqual(classificationQuality(expected));
    expect(quality).not.toEqual(
      classificationQuality({ ...expected, truth: truth.map((v) => Math.max(v, 0)), thresholds }),
    );
  });

  it("refuses classes that are not the data set's", async () => {
    for (const classes of [3, 5]) {
      const run = classify(
        smallModel(smallCnn()),
        datasetOf(
          drawn(2, () => [0]),
          { classes },
        ),
        resize,
      );
      await expect(run).rejects.toMatchObject({
        code: "E_CLASSES",
        message: `drawn has ${classes} classes, the model 4`,
      });
    }
  });

  it("refuses a multi-label set for a model of one class each", async () => {
    const dataset = datasetOf(
      drawn(2, () => [0]),
      { classes: 4, task: "multi-label" },
    );
    await expect(classify(smallModel(smallCnn()), dataset, resize)).rejects.toMatchObject({
      code: "E_TASK",
      message: "drawn is multi-label, the model is multi-class",
    });
  });

  it("names the image whose scores are not numbers", async () => {
    const graph = smallCnn();
    const initializers = new Map(graph.initializers);
    const bias = initializers.get("a")!;
    initializers.set("a", { ...bias, data: Float32Array.of(0, Number.NaN, 0, 0) } as typeof bias);
    const run = classify(
      smallModel({ ...graph, initializers }),
      datasetOf(
        drawn(3, () => [0]),
        { classes: 4 },
      ),
      resize,
    );
    await expect(run).rejects.toMatchObject({
      code: "E_LOGITS",
      message: "the model returns a score that is not a number for s0",
      next: "check the preprocessing (mean, std) and the model's weights",
    });
  });

  it("stops when told to", async () => {
    const model = smallModel(smallCnn());
    const stop = new AbortController();
    const dataset = datasetOf(
      drawn(200, () => [0]),
      { classes: 4 },
    );
    const run = classify(model, dataset, resize, { onImage: () => stop.abort(), signal: stop.signal });
    await expect(run).rejects.toMatchObject({ name: "AbortError" });
    expect(model.passes.forwards).toBe(64);
  });
});
