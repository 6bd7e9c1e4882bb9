/** A deletion curve as an SVG path: the class probability, 0 to 1, against the share of pixels removed. */

/** The size every curve is drawn for. */
export const curveBox = { width: 200, height: 64 } as const;

/** Polyline through equally spaced values in [0, 1]; values beyond are cut off. */
export function curvePath(points: readonly number[]): string {
  const { width, height } = curveBox;
  const at = (p: number, k: number) => {
    const x = (k * width) / (points.length - 1);
    const y = height * (1 - Math.min(1, Math.max(0, p)));
    return `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
  };
  return `M${points.map(at).join("L")}`;
}

/** The same in words, for those who do not see it. */
export function curveLabel(
  title: string,
  mean: readonly number[],
  blur: readonly number[],
  auc: number,
): string {
  const ends = (points: readonly number[]) =>
    `${points[0].toFixed(2)} to ${points[points.length - 1].toFixed(2)}`;
  return `Deletion curve of ${title}: the class probability goes from ${ends(mean)} with the mean colour and from ${ends(blur)} with the blurred picture; mean area ${auc.toFixed(3)}`;
}
