import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { describe, expect, it } from "vitest";
import { pixels, side } from "./canvas.ts";
import { phantomDomains } from "./index.ts";
import { drawPhantom, type Phantom, type PhantomDomain, phantomLabel } from "./phantom.ts";

/** sha256 of images and masks of test 0 … 7. They may change only together with `edition` of the data set and the bundled models. */
const golden: Readonly<Record<string, string>> = {
  cxr: "",
  histology: "",
  retina: "",
  shapes: "",
};

const each = phantomDomains.map((domain) => [domain.id, domain] as const);
const drawn = (domain: PhantomDomain, count: number): Phantom[] =>
  Array.from({ length: count }, (_, i) => drawPhantom(domain, "test", i));

/** The picture with its masked pixels set to `colour`. */
function filled({ image, mask }: Phantom, colour: readonly number[]): Uint8Array {
  return image.map((value, i) => (mask[i % pixels] === 1 ? colour[Math.floor(i / pixels)] : value));
}

describe.each(each)("%s", (id, domain) => {
  it("is drawn as always", () => {
    const hash = sha256.create();
    for (const { image, mask } of drawn(domain, 8)) hash.update(image).update(mask);
    expect(bytesToHex(hash.digest())).toBe(golden[id]);
  });

  it("has pictures of 64×64 pixels, each its own", () => {
    const some = drawn(domain, 20);
    for (const { image, mask, channels } of some) {
      expect(channels).toBe(domain.channels);
      expect(image).toHaveLength(channels * side * side);
      expect(mask).toHaveLength(side * side);
    }
    expect(new Set(some.map(({ image }) => image.join())).size).toBe(20);
    expect(drawPhantom(domain, "train", 0).image).not.toEqual(some[0].image);
  });

  it("differs from its background inside the mask only, and there for some class at almost every pixel", () => {
    let masked = 0;
    let touched = 0;
    for (let i = 0; i < 24; i++) {
      const bare = drawPhantom(domain, "test", i, "none");
      const changed = new Uint8Array(pixels);
      for (const label of domain.classes.keys()) {
        const { image, mask } = drawPhantom(domain, "test", i, label);
        expect(mask).toEqual(bare.mask);
        expect(filled({ ...bare, image }, [0, 0, 0])).toEqual(filled(bare, [0, 0, 0]));
        for (let k = 0; k < image.length; k++) if (image[k] !== bare.image[k]) changed[k % pixels] = 1;
      }
      masked += bare.mask.filter((m) => m === 1).length;
      touched += changed.filter((m) => m === 1).length;
    }
    expect(touched / masked).toBeGreaterThan(0.97);
  });

  it("shows each class equally often, and another thing for each", () => {
    const labels = drawn(domain, 512).map(({ label }) => label);
    for (const k of domain.classes.keys()) {
      expect(labels.filter((label) => label === k)).toHaveLength(512 / domain.classes.length);
    }
    expect(labels.slice(0, 8)).toEqual(Array.from({ length: 8 }, (_, i) => phantomLabel(domain, "test", i)));
    const versions = domain.classes.map((_, k) => drawPhantom(domain, "test", 3, k).image.join());
    expect(new Set(versions).size).toBe(domain.classes.length);
  });

  it("says nothing of the class outside the mask: a classifier stays at chance there, but not with the whole picture", () => {
    const [train, test] = [600, 400];
    const all = Array.from({ length: train + test }, (_, i) => drawPhantom(domain, "train", i));
    const labels = all.map(({ label }) => label);
    const colour = meanColour(all);
    const accuracy = (images: readonly Uint8Array[]) => {
      const rows = standardised(
        images.map((image) => features(image, domain.channels)),
        train,
      );
      const model = softmaxRegression(rows.slice(0, train), labels.slice(0, train), domain.classes.length);
      return rows.slice(train).filter((row, i) => model(row) === labels[train + i]).length / test;
    };
    const chance = 1 / domain.classes.length;
    const error = Math.sqrt((chance * (1 - chance)) / test);
    const whole = accuracy(all.map(({ image }) => image));
    const outside = accuracy(all.map((phantom) => filled(phantom, colour)));
    if (process.env.SHOW) console.log(id, whole, outside);
    expect(Math.abs(outside - chance)).toBeLessThan(3 * error);
    expect(whole).toBeGreaterThan(chance + 6 * error);
  });
});

/** Mean colour of the pictures, 8-bit. */
function meanColour(phantoms: readonly Phantom[]): number[] {
  return Array.from({ length: phantoms[0].channels }, (_, c) => {
    const planes = phantoms.map(({ image }) => image.subarray(c * pixels, (c + 1) * pixels));
    const sum = planes.reduce((total, plane) => total + plane.reduce((s, v) => s + v, 0), 0);
    return Math.round(sum / (planes.length * pixels));
  });
}

/** Histograms of values, slopes and curvature, which know nothing of places. */
function features(image: Uint8Array, channels: number): Float64Array {
  const bins = 12;
  const out = new Float64Array(channels * 4 * bins);
  for (let c = 0; c < channels; c++) {
    const at = (x: number, y: number) => image[c * pixels + y * side + x];
    const count = (kind: number, share: number) => {
      const bin = Math.min(bins - 1, Math.floor(Math.min(share, 1) * bins));
      out[(c * 4 + kind) * bins + bin]++;
    };
    for (let y = 4; y < side - 4; y += 1) {
      for (let x = 4; x < side - 4; x += 1) {
        const v = at(x, y);
        count(0, v / 256);
        const curvature = (reach: number) =>
          Math.abs(at(x - reach, y) + at(x + reach, y) + at(x, y - reach) + at(x, y + reach) - 4 * v);
        count(1, curvature(2) / 400);
        count(2, curvature(4) / 400);
        count(3, (Math.abs(at(x + 1, y) - at(x - 1, y)) + Math.abs(at(x, y + 1) - at(x, y - 1))) / 256);
      }
    }
  }
  return out.map(Math.sqrt);
}

/** Mean 0 and deviation 1 over the first `train` rows. */
function standardised(rows: readonly Float64Array[], train: number): Float64Array[] {
  const mean = rows[0].map((_, f) => rows.slice(0, train).reduce((s, row) => s + row[f], 0) / train);
  const deviation = mean.map((m, f) =>
    Math.sqrt(rows.slice(0, train).reduce((s, row) => s + (row[f] - m) ** 2, 0) / train),
  );
  return rows.map((row) => row.map((v, f) => (deviation[f] > 0 ? (v - mean[f]) / deviation[f] : 0)));
}

/** Multinomial logistic regression by gradient descent; gives back what predicts. */
function softmaxRegression(rows: readonly Float64Array[], labels: readonly number[], classes: number) {
  const size = rows[0].length;
  const weights = Array.from({ length: classes }, () => new Float64Array(size));
  const scores = (row: Float64Array) => weights.map((w) => w.reduce((s, v, f) => s + v * row[f], 0));
  for (let step = 0; step < 120; step++) {
    const gradient = weights.map((w) => w.map((v) => 0.01 * v));
    for (const [i, row] of rows.entries()) {
      const odds = scores(row);
      const top = Math.max(...odds);
      const raised = odds.map((s) => Math.exp(s - top));
      const total = raised.reduce((s, v) => s + v, 0);
      for (const [k, g] of gradient.entries()) {
        const error = (raised[k] / total - Number(labels[i] === k)) / rows.length;
        for (let f = 0; f < size; f++) g[f] += error * row[f];
      }
    }
    for (const [k, w] of weights.entries()) for (let f = 0; f < size; f++) w[f] -= 0.3 * gradient[k][f];
  }
  return (row: Float64Array) => {
    const odds = scores(row);
    return odds.indexOf(Math.max(...odds));
  };
}
