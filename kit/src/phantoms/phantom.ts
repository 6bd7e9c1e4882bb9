/**
 * Phantoms: pictures drawn from a seed whose class is decided by what is inside a known mask, and by nothing else.
 *
 * The class is a number of its own stream. Background, place and outline of the finding, its paints and the grain of the picture come from
 * streams that do not know it, so a picture outside its mask is, bit for bit, the same for every class; and the mask is the same too, so not
 * even its outline tells the class. There is no class "nothing here": each shows something of the same size in the same place.
 */
import { type Rng, rngOf } from "../rng.ts";
import { type Canvas, canvasOf, pixels } from "./canvas.ts";

/** What one picture shows, before it is decided of which class it is. */
export interface Finding {
  /** [64·64], 1 where some class may paint */
  readonly mask: Uint8Array;
  /** Paints class `k` over the background. What it paints beside the mask is not kept. */
  paint(k: number, canvas: Canvas): void;
}

export interface PhantomDomain {
  /** "cxr": `phantom-cxr` is the data set */
  readonly id: string;
  readonly title: string;
  readonly classes: readonly string[];
  readonly channels: 1 | 3;
  /** half the width of the uniform-sum noise laid over the finished picture */
  readonly grain: number;
  /** Draws the background and says what else the finding must know of it. */
  background(rng: Rng, canvas: Canvas): (rng: Rng) => Finding;
}

export const definePhantoms = (domain: PhantomDomain): PhantomDomain => domain;

export type PhantomSplit = "train" | "val" | "test";

export interface Phantom {
  /** class index; −1 if nothing was painted */
  readonly label: number;
  readonly channels: 1 | 3;
  /** [channels, 64, 64], 0 to 255 */
  readonly image: Uint8Array;
  /** [64, 64], 0 or 1: the pixels that differ, or could for some class, from the background */
  readonly mask: Uint8Array;
}

/** Class of a picture: every run of as many pictures as there are classes has each class once. */
export function phantomLabel(domain: PhantomDomain, split: PhantomSplit, index: number): number {
  const classes = domain.classes.length;
  const order = rngOf("phantom", domain.id, split, Math.floor(index / classes), "classes").permutation(
    classes,
  );
  return order[index % classes];
}

/**
 * Draws picture `index` of a split, 64×64; the same bytes on every machine and in every browser.
 *
 * @param label  class to paint; the picture's own unless told. "none" leaves the background
 *
 * Cost: about a millisecond.
 */
export function drawPhantom(
  domain: PhantomDomain,
  split: PhantomSplit,
  index: number,
  label: number | "none" = phantomLabel(domain, split, index),
): Phantom {
  const stream = (purpose: string) => rngOf("phantom", domain.id, split, index, purpose);
  const { channels, grain } = domain;
  const background = canvasOf(channels);
  const finding = domain.background(stream("background"), background)(stream("finding"));
  const painted = { channels, data: background.data.slice() };
  if (label !== "none") finding.paint(label, painted);

  const speckle = stream("grain");
  const image = new Uint8Array(channels * pixels);
  for (let i = 0; i < image.length; i++) {
    const { data } = finding.mask[i % pixels] === 1 ? painted : background;
    const value = data[i] + grain * (speckle.uniform() + speckle.uniform() - 1);
    image[i] = Math.min(Math.max(Math.round(value), 0), 255);
  }
  return { label: label === "none" ? -1 : label, channels, image, mask: finding.mask };
}
