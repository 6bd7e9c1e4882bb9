/** Nodes in [0, 1] and weights of the rules integrated gradients can use. */

export const quadratureRules = ["gauss-legendre", "midpoint", "left", "right", "trapezoid"] as const;
export type QuadratureRule = (typeof quadratureRules)[number];

/** `n` nodes and weights; weights sum to 1. The trapezoid of one node is the midpoint. */
export function quadrature(rule: QuadratureRule, n: number): { nodes: Float64Array; weights: Float64Array } {
  const even = (node: (k: number) => number) => ({
    nodes: Float64Array.from({ length: n }, (_, k) => node(k)),
    weights: new Float64Array(n).fill(1 / n),
  });
  switch (rule) {
    case "gauss-legendre":
      return gaussLegendre(n);
    case "left":
      return even((k) => k / n);
    case "right":
      return even((k) => (k + 1) / n);
    case "trapezoid": {
      if (n === 1) return even(() => 0.5);
      const nodes = Float64Array.from({ length: n }, (_, k) => k / (n - 1));
      const weights = nodes.map((_, k) => (k === 0 || k === n - 1 ? 0.5 : 1) / (n - 1));
      return { nodes, weights };
    }
    default:
      return even((k) => (k + 0.5) / n);
  }
}

/** Newton's iteration on the Legendre polynomial P_n from Tricomi's first guess; exact to the last bits for n ≤ 1000. */
function gaussLegendre(n: number): { nodes: Float64Array; weights: Float64Array } {
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < Math.ceil(n / 2); i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 100; step++) {
      const [p, dp] = legendre(n, x);
      slope = dp;
      const move = p / dp;
      x -= move;
      if (Math.abs(move) < 1e-16) break;
    }
    const weight = 1 / ((1 - x * x) * slope * slope); // of [−1, 1], halved for [0, 1]
    nodes[i] = (1 - x) / 2;
    nodes[n - 1 - i] = (1 + x) / 2;
    weights[i] = weight;
    weights[n - 1 - i] = weight;
  }
  return { nodes, weights };
}

/** P_n(x) and its derivative by the three-term recurrence. */
function legendre(n: number, x: number): [number, number] {
  let previous = 1;
  let current = x;
  for (let k = 2; k <= n; k++) {
    [previous, current] = [current, ((2 * k - 1) * x * current - (k - 1) * previous) / k];
  }
  return n === 0 ? [1, 0] : [current, (n * (x * current - previous)) / (x * x - 1)];
}
