/** A page of every kind, by name: what every page must hold is tested on each, and each has its pictures. */
import { pages } from "../lib/pages.ts";

/** One of each kind that stands for many. */
const examples = {
  "a method": "methods/occlusion/",
  "a control": "methods/sobel/",
  "a metric": "metrics/infidelity/",
  "an architecture": "architectures/resnet-mini/",
  "a data set": "datasets/phantom-cxr/",
  "an answer of the guide": "guide/transformer-synthetic/",
} as const;

export const everyPage = (run: string): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(pages.map(({ path, title }) => [path === "" ? "home" : title.toLowerCase(), path])),
  ...examples,
  run: `runs/${run}/`,
  "not found": "404.html",
});
