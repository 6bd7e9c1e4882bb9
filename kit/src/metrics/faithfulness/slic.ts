/**
 * SLIC superpixels: Achanta et al. 2012, doi:10.1109/TPAMI.2012.120. k-means in colour and place together, each centre looking no further
 * than twice the spacing of centres; then connected parts, the smallest joined to a neighbour until as many are left as were asked for.
 *
 * Other than the paper: distances are of pixel values as the model sees them, not of CIELAB, so that grey and colour are one case; centres
 * start in the middle of their cells, not at the lowest gradient near it; a fixed number of rounds; and the number of segments is exact, so
 * that what it costs to remove each is known beforehand.
 */
import type { Float32Tensor } from "../../onnx/tensor.ts";

export interface SlicOptions {
  /** at most as many as there are pixels */
  readonly segments: number;
  /** the difference of pixel values that counts as much as one spacing of centres; the larger, the squarer */
  readonly compactness: number;
  /** rounds of k-means */
  readonly iterations: number;
}

interface Sides {
  readonly height: number;
  readonly width: number;
}

/**
 * Deterministic: no draws, ties go to what comes first in row order.
 *
 * @param image  [C,H,W]
 * @returns      the segment of each pixel, [H·W], numbered 0 … segments − 1 in row order of their first pixels; each is 4-connected
 */
export function slic(image: Float32Tensor, { segments, compactness, iterations }: SlicOptions): Int32Array {
  const [, height, width] = image.dims;
  const pixels = height * width;
  // clusters can lose all their pixels on odd images; with a centre on every pixel none does
  for (let centres = segments; ; centres = Math.min(2 * centres, pixels)) {
    const parts = connected(clusters(image, centres, compactness, iterations), { height, width });
    if (parts.count >= segments) return merged(image, parts, segments);
  }
}

/**
 * The nearest of at least `count` centres for each pixel, by (Δcolour/compactness)² + (Δplace/spacing)², Δcolour² the mean over channels.
 */
function clusters(image: Float32Tensor, count: number, compactness: number, iterations: number): Int32Array {
  const [channels, height, width] = image.dims;
  const pixels = height * width;
  const spacing = Math.sqrt(pixels / count);
  const rows = Math.min(height, Math.ceil(height / spacing));
  const columns = Math.min(width, Math.ceil(width / spacing));
  const of = Int32Array.from({ length: pixels }, (_, p) => {
    const row = Math.floor((rows * Math.floor(p / width)) / height);
    return row * columns + Math.floor((columns * (p % width)) / width);
  });
  const features = channels + 2; // colour, row, column
  const centres = new Float64Array(rows * columns * features);
  const sizes = new Uint32Array(rows * columns);
  const distance = new Float64Array(pixels);
  const colourWeight = 1 / (channels * compactness * compactness);
  const placeWeight = 1 / (spacing * spacing);
  moveCentres();
  for (let round = 0; round < iterations; round++) {
    distance.fill(Number.POSITIVE_INFINITY);
    for (let k = 0; k < sizes.length; k++) claim(k);
    moveCentres();
  }
  return of;

  /** Every centre to the mean of its pixels; one without stays. */
  function moveCentres(): void {
    sizes.fill(0);
    for (let p = 0; p < pixels; p++) sizes[of[p]]++;
    for (let k = 0; k < sizes.length; k++)
      if (sizes[k] > 0) centres.fill(0, k * features, (k + 1) * features);
    for (let p = 0; p < pixels; p++) {
      const at = of[p] * features;
      const share = 1 / sizes[of[p]];
      for (let c = 0; c < channels; c++) centres[at + c] += share * image.data[c * pixels + p];
      centres[at + channels] += share * Math.floor(p / width);
      centres[at + channels + 1] += share * (p % width);
    }
  }

  /** Pixels near centre k that have no nearer one so far. */
  function claim(k: number): void {
    const at = k * features;
    const row = centres[at + channels];
    const column = centres[at + channels + 1];
    const bottom = Math.min(height - 1, Math.floor(row + 2 * spacing));
    const right = Math.min(width - 1, Math.floor(column + 2 * spacing));
    for (let i = Math.max(0, Math.ceil(row - 2 * spacing)); i <= bottom; i++) {
      for (let j = Math.max(0, Math.ceil(column - 2 * spacing)); j <= right; j++) {
        const p = i * width + j;
        let colour = 0;
        for (let c = 0; c < channels; c++) {
          const difference = image.data[c * pixels + p] - centres[at + c];
          colour += difference * difference;
        }
        const d = colourWeight * colour + placeWeight * ((i - row) * (i - row) + (j - column) * (j - column));
        if (d < distance[p]) {
          distance[p] = d;
          of[p] = k;
        }
      }
    }
  }
}

interface Components extends Sides {
  readonly of: Int32Array;
  readonly count: number;
}

/** 4-connected components of equal labels, numbered in row order of their first pixels. */
function connected(labels: Int32Array, { height, width }: Sides): Components {
  const of = new Int32Array(labels.length).fill(-1);
  const queue = new Int32Array(labels.length);
  let count = 0;
  for (let first = 0; first < labels.length; first++) {
    if (of[first] >= 0) continue;
    let end = 0;
    const visit = (p: number) => {
      if (of[p] >= 0 || labels[p] !== labels[first]) return;
      of[p] = count;
      queue[end++] = p;
    };
    visit(first);
    for (let start = 0; start < end; start++) {
      const p = queue[start];
      const column = p % width;
      if (column > 0) visit(p - 1);
      if (column < width - 1) visit(p + 1);
      if (p >= width) visit(p - width);
      if (p + width < height * width) visit(p + width);
    }
    count++;
  }
  return { of, count, height, width };
}

/** Small components first, in row order where sizes are equal: each joins the neighbour of nearest colour until `segments` are left. */
function merged(image: Float32Tensor, parts: Components, segments: number): Int32Array {
  const { of, count, height, width } = parts;
  const pixels = of.length;
  const channels = image.dims[0];
  const sizes = new Uint32Array(count);
  const sums = new Float64Array(count * channels);
  const beside = Array.from({ length: count }, () => new Set<number>());
  for (let p = 0; p < pixels; p++) {
    sizes[of[p]]++;
    for (let c = 0; c < channels; c++) sums[of[p] * channels + c] += image.data[c * pixels + p];
    const meet = (q: number) => {
      if (of[q] === of[p]) return;
      beside[of[p]].add(of[q]);
      beside[of[q]].add(of[p]);
    };
    if ((p + 1) % width > 0) meet(p + 1);
    if (p + width < pixels) meet(p + width);
  }
  const into = Int32Array.from({ length: count }, (_, k) => k);
  const colourDistance = (a: number, b: number) => {
    let d = 0;
    for (let c = 0; c < channels; c++) {
      const difference = sums[a * channels + c] / sizes[a] - sums[b * channels + c] / sizes[b];
      d += difference * difference;
    }
    return d;
  };
  const join = (small: number) => {
    let near = -1;
    for (const k of [...beside[small]].sort((a, b) => a - b)) {
      if (near < 0 || colourDistance(small, k) < colourDistance(small, near)) near = k;
    }
    into[small] = near;
    sizes[near] += sizes[small];
    for (let c = 0; c < channels; c++) sums[near * channels + c] += sums[small * channels + c];
    for (const k of beside[small]) {
      beside[k].delete(small);
      if (k === near) continue;
      beside[k].add(near);
      beside[near].add(k);
    }
  };
  let alive = Array.from(into);
  let left = count;
  for (let size = 1; left > segments; size++) {
    for (const k of alive) {
      if (left === segments || into[k] !== k || sizes[k] > size) continue;
      join(k);
      left--;
    }
    alive = alive.filter((k) => into[k] === k);
  }
  const joined = Int32Array.from(of, (k) => {
    let last = k;
    while (into[last] !== last) last = into[last];
    return last;
  });
  return connected(joined, { height, width }).of;
}
