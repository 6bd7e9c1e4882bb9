/**
 * What every control must score on a metric: the check that a metric measures what it says. The controls cannot know the model, so
 * most of their scores are known beforehand, or must agree with one another.
 */

export const controlIds = ["random", "sobel", "constant", "centre-gaussian"] as const;
export type ControlId = (typeof controlIds)[number];

export type Expectation =
  /** every score is `value` */
  | { readonly every: number; readonly within: number }
  /** the mean over images is `mean`, to `within` and `errors` standard errors, none unless told */
  | { readonly mean: number; readonly within: number; readonly errors?: number }
  /** never a score */
  | { readonly skipped: true }
  /** every score is above this */
  | { readonly above: number }
  /** the same mean as another control's (on the same metric unless told), to `within` and five standard errors */
  | { readonly like: ControlId; readonly on?: string; readonly within: number }
  /** not known beforehand, and why */
  | { readonly open: string };

export type Expected = Readonly<Record<ControlId, Expectation>>;

export const image = { open: "depends on image and model" } as const;

// removing a random half of the pixels leaves what inserting a random half shows: the areas agree, and ties are a random order too
export const randomOrder: Expected = {
  random: { like: "constant", within: 1e-3 },
  constant: { like: "random", within: 1e-3 },
  sobel: image,
  "centre-gaussian": image,
};

// independent of the object: hits with its share of the image, whether by the first pixel or by as many as it has
export const chance = (other: string): Expected => ({
  random: { like: "random", on: other, within: 1e-3 },
  constant: { like: "random", within: 1e-3 },
  sobel: image,
  "centre-gaussian": image,
});
