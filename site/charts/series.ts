/** How a method is drawn, the same in every chart: a colour, a dash and a shape, so that colour is never alone. */
import { standardMethods } from "../../kit/src/stats/summarise.ts";

/** Colours are `--m<slot>` in charts.css; methods beyond the standard eleven share the last one. */
export const slots = standardMethods.length + 1;

export const slotOf = (method: string): number => {
  const at = standardMethods.indexOf(method);
  return at < 0 ? slots - 1 : at;
};

const dashes: readonly (readonly number[])[] = [[], [7, 3], [2, 2.5]];
export const dashOf = (slot: number): readonly number[] => dashes[slot % dashes.length];

const shapes = ["circle", "triangle", "rect", "rectRot"] as const;
export type Shape = (typeof shapes)[number];
export const shapeOf = (slot: number): Shape => shapes[slot % shapes.length];

/** An SVG path of the shape around (x, y). */
export function markerPath(slot: number, x: number, y: number, r = 3.2): string {
  const at = (dx: number, dy: number) => `${round(x + dx * r)} ${round(y + dy * r)}`;
  switch (shapeOf(slot)) {
    case "circle":
      return `M${at(-1, 0)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
    case "triangle":
      return `M${at(0, -1.15)}L${at(1.1, 0.85)}L${at(-1.1, 0.85)}Z`;
    case "rect":
      return `M${at(-0.9, -0.9)}L${at(0.9, -0.9)}L${at(0.9, 0.9)}L${at(-0.9, 0.9)}Z`;
    case "rectRot":
      return `M${at(0, -1.25)}L${at(1.25, 0)}L${at(0, 1.25)}L${at(-1.25, 0)}Z`;
  }
}

export const round = (v: number): number => Math.round(v * 10) / 10;
