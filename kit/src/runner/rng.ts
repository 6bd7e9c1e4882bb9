/** Where it has always been; the code stands outside the runner because data sets, which the runner loads, draw from it too. */
export * from "../rng.ts";
