import { readdirSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { describe, expect, it } from "vitest";
import { pixels, side } from "./canvas.ts";
import { phantomDomains } from "./index.ts";
import { drawPhantom, type Phantom, type PhantomDomain, phantomLabel } from "./phantom.ts";

/** sha256 of images and masks of test 0 … 7. They may change only together with `edition` of the data set and the bundled models. */
const golden: Readonly<Record<string, string>> = {
  cxr: "cd32d82a9064b63c5460bbcf9e6c7393a3c540d65297aa998bacc6800e6356fb",
  histology: "50f45384110c6ce9673504b8c2c1b474a93af364541d8ee18df0ed6c49946743",
  retina: "d153472f8b23c59675e627cbc84a2a7afeaf561ee3ff3ab2659a3e5c3bb29f4a",
  shapes: "8a8546f4848a5a984c12ec6673e932605cbda64a6e2d4cdebc66733f57b49905",
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
    expect(masked / (24 * pixels)).toBeGreaterThan(0.04); // enough to find, little enough to miss
    expect(masked / (24 * pixels)).toBeLessThan(0.15);
  });

  it("shows each class equally often, and another thing for each", () => {
    const labels = Array.from({ length: 512 }, (_, i) => phantomLabel(domain, "test", i));
    for (const k of domain.classes.keys()) {
      expect(labels.filter((label) => label === k)).toHaveLength(512 / domain.classes.length);
    }
    expect(drawn(domain, 8).map(({ label }) => label)).toEqual(labels.slice(0, 8));
    const versions = domain.classes.map((_, k) => drawPhantom(domain, "test", 3, k).image.join());
    expect(new Set(versions).size).toBe(domain.classes.length);
  });

  it("says nothing of the class outside the mask: a classifier stays at chance there, but not with the whole picture", () => {
    const [train, test] = [480, 320];
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
    expect(Math.abs(outside - chance)).toBeLessThan(3 * error);
    expect(whole).toBeGreaterThan(chance + 6 * error);
  });
});

it("are listed as their files are named", () => {
  const shared = ["canvas", "index", "outline", "phantom"];
  const files = readdirSync(new URL(".", import.meta.url))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => file.slice(0, -3))
    .filter((name) => !shared.includes(name));
  expect(phantomDomains.map(({ id }) => id)).toEqual(files.sort());
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
    const count = (kind: number, share: number) => {
      out[(c * 4 + kind) * bins + Math.min(bins - 1, Math.floor(share * bins))]++;
    };
    for (let y = 4; y < side - 4; y += 2) {
      for (let x = 4; x < side - 4; x += 2) {
        const at = c * pixels + y * side + x;
        const across = (reach: number) => [image[at - reach], image[at + reach]];
        const [near, wide] = [2, 4].map((reach) => {
          const [[west, east], [north, south]] = [across(reach), across(reach * side)];
          return Math.abs(west + east + north + south - 4 * image[at]);
        });
        const [[west, east], [north, south]] = [across(1), across(side)];
        count(0, image[at] / 256);
        count(1, near / 400);
        count(2, wide / 400);
        count(3, (Math.abs(east - west) + Math.abs(south - north)) / 256);
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
  const scores = (row: Float64Array) =>
    weights.map((w) => {
      let sum = 0;
      for (let f = 0; f < size; f++) sum += w[f] * row[f];
      return sum;
    });
  for (let step = 0; step < 60; step++) {
    const gradient = weights.map((w) => w.map((v) => 0.01 * v));
    for (const [i, row] of rows.entries()) {
      const odds = scores(row).map(Math.exp);
      const total = odds.reduce((s, v) => s + v, 0);
      for (const [k, g] of gradient.entries()) {
        const error = (odds[k] / total - Number(labels[i] === k)) / rows.length;
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
