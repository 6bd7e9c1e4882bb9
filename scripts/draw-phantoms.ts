/**
 * Writes the phantoms as numpy arrays, for scripts/train-bundled.py.
 *
 *   node scripts/draw-phantoms.ts OUT
 *
 * OUT gets <domain>-<split>-images.npy (uint8 [N, C, 64, 64]), <domain>-<split>-labels.npy (int64 [N]) and <domain>-<split>-masks.npy
 * (uint8 [N, 64, 64]) for each domain and split, and domains.json with the classes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Split } from "../kit/src/datasets/dataset.ts";
import { phantomCounts } from "../kit/src/datasets/phantom.ts";
import { encodeNpy } from "../kit/src/datasets/readers/npy.ts";
import { int64 } from "../kit/src/onnx/tensor.ts";
import { side } from "../kit/src/phantoms/canvas.ts";
import { phantomDomains } from "../kit/src/phantoms/index.ts";
import { drawPhantom } from "../kit/src/phantoms/phantom.ts";

const [out] = process.argv.slice(2);
if (out === undefined || out.startsWith("-")) {
  console.log(
    "usage: node scripts/draw-phantoms.ts OUT\n\nDraws every split of every phantom into .npy files.",
  );
  process.exit(out === "--help" ? 0 : 2);
}

mkdirSync(out, { recursive: true });
for (const domain of phantomDomains) {
  for (const split of Object.keys(phantomCounts) as Split[]) {
    const count = phantomCounts[split];
    const size = domain.channels * side * side;
    const images = new Uint8Array(count * size);
    const labels = new Array<number>(count);
    const masks = new Uint8Array(count * side * side);
    for (let i = 0; i < count; i++) {
      const { image, label, mask } = drawPhantom(domain, split, i);
      images.set(image, i * size);
      labels[i] = label;
      masks.set(mask, i * side * side);
    }
    const dims = [count, domain.channels, side, side];
    const stem = join(out, `${domain.id}-${split}`);
    writeFileSync(`${stem}-images.npy`, encodeNpy({ type: "uint8", dims, data: images }));
    writeFileSync(`${stem}-labels.npy`, encodeNpy(int64([count], labels)));
    writeFileSync(`${stem}-masks.npy`, encodeNpy({ type: "uint8", dims: [count, side, side], data: masks }));
  }
  console.log(domain.id);
}
const facts = Object.fromEntries(
  phantomDomains.map(({ id, classes, channels }) => [id, { classes, channels }]),
);
writeFileSync(join(out, "domains.json"), `${JSON.stringify(facts, null, 2)}\n`);
