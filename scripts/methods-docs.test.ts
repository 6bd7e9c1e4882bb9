import { expect, it } from "vitest";
import { methods } from "../kit/src/methods/index.ts";
import { pages } from "./methods-docs.ts";
import { paperLink, staleIn } from "./registry-docs.ts";

const written = pages();
const stale = (wanted: ReadonlyMap<string, string>) => staleIn("methods", wanted);
const page = (path: string) => written.get(path)!;

it("kit/docs/methods.md and the page of each method are what the registry says", () => {
  expect(stale(written), "run node scripts/methods-docs.ts").toEqual([]);
});

it("has a page for every method, and notices one that should go", () => {
  expect([...written.keys()]).toEqual(["methods.md", ...methods.map(({ id }) => `methods/${id}.md`)]);
  const fewer = new Map([...written].filter(([path]) => path !== "methods/saliency.md"));
  expect(stale(fewer)).toContain("methods/saliency.md");
  expect(stale(new Map([...written, ["methods.md", "older"]]))).toContain("methods.md");
});

it.each([
  [
    "a row that leads to its page",
    "methods.md",
    /^\| \[Saliency\]\(methods\/saliency\.md\) \| `saliency` \|/m,
  ],
  ["what it costs", "methods.md", /\| `integrated-gradients` \|.* 50 \+ 50 \|/],
  ["its formula", "methods/saliency.md", /^```text\n.*∂f\/∂x.*\n```$/m],
  ["what the letters of the formula mean, and no others", "methods/random.md", /^`Φ` attribution\.$/m],
  [
    "a parameter with its bounds",
    "methods/integrated-gradients.md",
    /^\| `steps` \| integer from 1 to 10000 \| 50 \(quick: 13\) \|/m,
  ],
  ["an input", "methods/smoothgrad.md", /^\| `noise` \| \[N,C,H,W\] \|/m],
  ["the arrays that pin it", "methods/integrated-gradients.md", /^- Captum: `captum\.ig`, /m],
  ["whether it applies", "methods/grad-cam.md", /^\| `shapes-vit` \| ViT \| yes \|$/m],
  ["its tests", "methods/occlusion.md", /\(\.\.\/\.\.\/src\/methods\/occlusion\.test\.ts\)/],
  ["what of it is ours", "methods/grad-cam.md", /bilinear with half-pixel centres/],
])("a page has %s", (_, path, line) => expect(page(path)).toMatch(line));

it("leads to papers", () => {
  expect(paperLink("arXiv:1703.01365")).toBe("[arXiv:1703.01365](https://arxiv.org/abs/1703.01365)");
  expect(paperLink("doi:10.1/x")).toBe("[doi:10.1/x](https://doi.org/10.1/x)");
  expect(paperLink("https://a.org/b")).toBe("<https://a.org/b>");
  expect(paperLink("control")).toBe("");
});
