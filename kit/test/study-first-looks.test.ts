/** Studies on phantoms with the bundled models: what a newcomer sees, whole. explanation-aware has its own models and its own test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bundledModels } from "../src/bundled.ts";
import { json } from "./run-cli.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-first-looks-"));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (name: string) => join(dir, name);

interface Found {
  readonly sections: readonly { readonly title: string }[];
}

describe("first looks", () => {
  it.each(["gradfaith-cam", "uces"])("%s runs with one command", async (id) => {
    const found = await json<Found>("study", id, "--out", at(id));
    expect(found).toMatchObject(JSON.parse(readFileSync(at(`${id}/study.json`), "utf8")));
    expect(found.sections.length).toBeGreaterThan(2);
    const page = readFileSync(at(`${id}/report.html`), "utf8");
    for (const { title } of found.sections) expect(page).toContain(title);
    for (const architecture of ["resnet", "densenet", "vit", "clip"]) expect(page).toContain(architecture);
  });

  it("kowsar-2026 runs its three architectures with all eleven methods, here on one domain and two images", async () => {
    const cells = ["resnet", "vit", "clip"].map((architecture) => ({
      labels: { architecture, domain: "phantom-cxr" },
      model: bundledModels().find(({ id }) => id === `cxr-${architecture}`)!.path,
      data: "phantom-cxr",
    }));
    const inputs = { study: "kowsar-2026", protocol: "quick", samples: 2, cells };
    writeFileSync(at("inputs.json"), JSON.stringify(inputs));
    const found = await json<Found>("study", "kowsar-2026", "--inputs", at("inputs.json"), "--out", at("k"));
    const [ranks] = found.sections;
    expect(ranks.title).toBe("Mean ranks");
    for (const method of ["Saliency", "Grad-CAM", "KernelSHAP", "LIME"]) {
      expect(JSON.stringify(ranks)).toContain(method);
    }
  });
});
