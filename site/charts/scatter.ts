/** Two values of each method against each other, every mark with its name. */
import { markerPath, round, slotOf } from "./series.ts";

export interface ScatterInput {
  readonly method: string;
  readonly title: string;
  readonly x: number;
  readonly y: number;
}

export interface ScatterDrawing {
  readonly width: number;
  readonly height: number;
  /** of the plane: left, top, right, bottom */
  readonly frame: readonly [number, number, number, number];
  /** ticks of both axes */
  readonly across: readonly { readonly value: number; readonly at: number }[];
  readonly up: readonly { readonly value: number; readonly at: number }[];
  readonly marks: readonly {
    readonly method: string;
    readonly title: string;
    readonly slot: number;
    readonly path: string;
    readonly x: number;
    readonly y: number;
    readonly label: { readonly x: number; readonly y: number; readonly anchor: "start" | "middle" | "end" };
    /** from the mark to a name that does not stand beside it */
    readonly lead: string | undefined;
  }[];
}

/** Pixels of a letter and of a line at the size in which names are written. */
const [letter, line] = [5.5, 12];

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}
const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

/** From 0 to 1, or the quarters of it that hold all values. */
const domainOf = (values: readonly number[], fitted: boolean): readonly [number, number] =>
  fitted && values.length > 0
    ? [
        Math.min(0.75, Math.floor(Math.min(...values) * 4) / 4),
        Math.max(0.25, Math.ceil(Math.max(...values) * 4) / 4),
      ]
    : [0, 1];

const pad = 8;

/**
 * Values lie between 0 and 1. A name takes the place around its mark where it covers least of what is there already.
 *
 * @param fitted  axes may leave out quarters without a value
 */
export function scatterDrawing(
  points: readonly ScatterInput[],
  fitted = false,
  width = 340,
  height = 320,
): ScatterDrawing {
  const frame = [38, 10, width - 10, height - 40] as const;
  const [left, top, right, bottom] = frame;
  const [lowX, highX] = domainOf(
    points.map(({ x }) => x),
    fitted,
  );
  const [lowY, highY] = domainOf(
    points.map(({ y }) => y),
    fitted,
  );
  const atX = (v: number) => round(left + pad + ((v - lowX) / (highX - lowX)) * (right - left - 2 * pad));
  const atY = (v: number) => round(bottom - pad - ((v - lowY) / (highY - lowY)) * (bottom - top - 2 * pad));
  const parts = [0, 0.25, 0.5, 0.75, 1];
  const marks = points.map((point) => ({ ...point, px: atX(point.x), py: atY(point.y) }));
  const taken: Box[] = marks.map(({ px, py }) => ({
    left: px - 5,
    right: px + 5,
    top: py - 5,
    bottom: py + 5,
  }));
  return {
    width,
    height,
    frame,
    across: parts.map((part) => lowX + part * (highX - lowX)).map((value) => ({ value, at: atX(value) })),
    up: parts.map((part) => lowY + part * (highY - lowY)).map((value) => ({ value, at: atY(value) })),
    marks: marks.map(({ method, title, px, py }) => {
      const wide = title.length * letter;
      const sides = (dy: number, dx: number) => [
        { dx, dy, anchor: "start" as const },
        { dx: -dx, dy, anchor: "end" as const },
      ];
      const places = [
        ...sides(4, 8),
        ...[-8, 15].map((dy) => ({ dx: 0, dy, anchor: "middle" as const })),
        ...[-7, 15].flatMap((dy) => sides(dy, 5)),
        // farther off, with a line back to the mark
        ...[18, 30, 44].flatMap((dx) =>
          [0, -13, 13, -26, 26, -39, 39, -52, 52].flatMap((dy) => sides(dy + 4, dx)),
        ),
      ].map(({ dx, dy, anchor }) => {
        const start = anchor === "start" ? 0 : anchor === "end" ? -wide : -wide / 2;
        const box = {
          left: px + dx + start,
          right: px + dx + start + wide,
          top: py + dy - line + 2,
          bottom: py + dy + 2,
        };
        const outside =
          Math.max(0, left - 4 - box.left) +
          Math.max(0, box.right - width) +
          Math.max(0, top - 6 - box.top) +
          Math.max(0, box.bottom - bottom - 2);
        return {
          label: { x: px + dx, y: py + dy, anchor },
          box,
          far: Math.abs(dx) > 8,
          cost:
            outside * 50 +
            Math.hypot(dx, dy) * 0.3 +
            taken.reduce((sum, other) => sum + overlap(box, other), 0),
        };
      });
      const best = places.reduce((a, b) => (b.cost < a.cost ? b : a));
      taken.push(best.box);
      const slot = slotOf(method);
      const { x, y } = best.label;
      const lead = best.far ? `M${px} ${py}L${round(x + (x < px ? 2 : -2))} ${round(y - 4)}` : undefined;
      return {
        method,
        title,
        slot,
        path: markerPath(slot, px, py, 4),
        x: px,
        y: py,
        label: best.label,
        lead,
      };
    }),
  };
}
