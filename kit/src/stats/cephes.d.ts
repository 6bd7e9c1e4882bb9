/**
 * What is used of cephes 3. Its package.json names no types for imports, so TypeScript does not find those it ships. Argument order is
 * that of the C library: degrees of freedom first.
 */
declare module "cephes" {
  /** the functions may be called from then on */
  export const compiled: Promise<void>;
  /** P(χ² > x) */
  export function chdtrc(df: number, x: number): number;
  /** P(F > x); integer degrees of freedom */
  export function fdtrc(numerator: number, denominator: number, x: number): number;
  /** P(Z ≤ z) of the standard normal */
  export function ndtr(z: number): number;
}
