/**
 * The reference values of the site's demo, in site/demo/reference/: what Node's native engine makes of one picture with every bundled model
 * and method.
 *
 *   node scripts/demo-reference.ts            write them
 *   node scripts/demo-reference.ts --check    compute them again and fail where they are stale, or where WebAssembly differs
 *   node scripts/demo-reference.ts --survey   also count anew how often WebAssembly differs from them, on ten pictures
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type BundledModel, bundledModels } from "../kit/src/bundled.ts";
import { openEngine } from "../kit/src/engine/web.ts";
import type { Model } from "../kit/src/model/model.ts";
import { openModel } from "../kit/src/node.ts";
import { methodOf } from "../kit/src/protocol/protocol.ts";
import { openModel as openBytes } from "../kit/src/web.ts";
import { differencesOf, type Numbers, numbersOf } from "../site/demo/numbers.ts";
import {
  mapBytes,
  mapDifference,
  parityTolerance,
  readReference,
  type StoredIndex,
  type StoredModel,
} from "../site/demo/reference.ts";

/** One on which no ReLU sits so near to 0 that two engines take different sides; the survey says how rare the others are. */
const sample = 6;
const surveyed = 10;

const { values } = parseArgs({
  options: { check: { type: "boolean" }, survey: { type: "boolean" }, help: { type: "boolean" } },
});
if (values.help) {
  console.log(
    "usage: node scripts/demo-reference.ts [--check | --survey]\n\nWrites site/demo/reference/, or fails where it is stale.",
  );
  process.exit(0);
}

const folder = new URL("../site/demo/reference/", import.meta.url);
const indexFile = new URL("index.json", folder);
const kept = existsSync(indexFile) ? (JSON.parse(readFileSync(indexFile, "utf8")) as StoredIndex) : undefined;

const models: Record<string, StoredModel> = {};
const faults: string[] = [];
const survey = { pictures: surveyed, maps: 0, above: 0, largest: 0 };
let engine: StoredIndex["engine"] | undefined;
const { engine: wasm } = await openEngine();

for (const bundled of bundledModels()) {
  const { id, path, card, dataset } = bundled;
  const native = await openModel(path, { device: "cpu", threads: 1 });
  const web = await openBytes(new Uint8Array(readFileSync(path)), { card, engine: wasm });
  const { package: name, version, provider } = native.engine.info;
  engine = { package: name, version, provider };

  const numbers = await numbersOf(native.model, card, dataset, sample);
  const bytes = mapBytes([...numbers.methods.values()].map(({ map }) => map));
  models[id] = storedOf(bundled, numbers);
  const now = readReference(models[id], bytes.buffer as ArrayBuffer);
  const differing = differencesOf(await numbersOf(web.model, card, dataset, sample), now);
  for (const [method, by] of differing) if (by > parityTolerance) faults.push(far(id, method, "wasm", by));

  if (values.check) faults.push(...staleness(id, models[id], numbers));
  else {
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL(`${id}.bin`, folder), bytes);
  }
  if (values.survey) await surveyEngines(bundled, native.model, web.model);
  await web.close();
  await native.close();
  console.error(id);
}
await wasm.close();

for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error(`  next: ${values.check ? "node scripts/demo-reference.ts" : "choose another sample"}`);
  process.exitCode = 1;
}
if (!values.check) {
  const index: StoredIndex = {
    engine: engine!,
    sample,
    survey: values.survey ? survey : (kept?.survey ?? survey),
    models,
  };
  // numbers in one line, as the formatter has them
  const text = JSON.stringify(index, null, 2).replace(
    /\[\n\s+([-\d.e,\s]+?)\n\s+\]/g,
    (_, numbers: string) => `[${numbers.replace(/\s+/g, " ")}]`,
  );
  writeFileSync(indexFile, `${text}\n`);
}

function storedOf({ sha256 }: BundledModel, { target, logits, methods }: Numbers): StoredModel {
  const stored = [...methods].map(([id, { scores }]) => ({ id, revision: methodOf(id).revision, scores }));
  return { sha256, target, logits: [...logits], methods: stored };
}

function staleness(id: string, now: StoredModel, numbers: Numbers): string[] {
  const stored = kept?.models[id];
  if (stored === undefined) return [`${id}: not stored`];
  const named = ({ methods }: StoredModel) => methods.map((m) => `${m.id} ${m.revision}`).join(", ");
  if (stored.sha256 !== now.sha256) return [`${id}: stored for another model file`];
  if (named(stored) !== named(now)) return [`${id}: stored for ${named(stored)}`];
  const reference = readReference(stored, new Uint8Array(readFileSync(new URL(`${id}.bin`, folder))).buffer);
  return [...differencesOf(numbers, reference)]
    .filter(([, by]) => by > parityTolerance)
    .map(([method, by]) => far(id, method, "what is stored", by));
}

function far(model: string, method: string, from: string, by: number): string {
  return `${model} ${method}: ${by.toExponential(1)} from ${from}`;
}

/** How often a map of the two engines differs by more than is allowed, on the first pictures. */
async function surveyEngines({ card, dataset }: BundledModel, native: Model, web: Model): Promise<void> {
  for (let at = 0; at < surveyed; at++) {
    const want = await numbersOf(native, card, dataset, at);
    const got = await numbersOf(web, card, dataset, at);
    for (const [id, { map }] of want.methods) {
      const difference = mapDifference(got.methods.get(id)!.map, map);
      survey.maps++;
      if (difference > parityTolerance) survey.above++;
      survey.largest = Math.max(survey.largest, difference);
    }
  }
}
