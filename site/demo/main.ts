/** The demo: choices in, work out, replies onto the page. Nothing heavy is fetched before the button is pressed. */
import { number } from "../lib/format.ts";
import type { Catalogue } from "./catalogue.ts";
import { type Choice, searchOf } from "./choice.ts";
import { createClient, type WorkerLike } from "./client.ts";
import type { Fault, Reply } from "./messages.ts";
import { readOwnModel } from "./own.ts";
import { drawSample } from "./phantoms.ts";
import { referenceOf } from "./references.ts";
import { createState } from "./state.ts";
import { chooseCards, drawMaps, setStale, showCard } from "./ui/cards.ts";
import { createClasses } from "./ui/classes.ts";
import { one } from "./ui/dom.ts";
import { createForm } from "./ui/form.ts";
import { showOutline, showSubject } from "./ui/picture.ts";
import { showBytes, showEngine, showModel, showPicture } from "./ui/ran.ts";
import { resultAfter } from "./ui/results.ts";
import { clearFault, faultOf, hideProgress, say, showFault, showProgress } from "./ui/status.ts";
import { chooseRows, parityWords, setParity, showRow } from "./ui/table.ts";

const facts = JSON.parse(one("[data-catalogue]").textContent) as Catalogue;
const stop = one<HTMLButtonElement>("[data-stop]");
const state = createState(facts, location.search);
let begun = 0;
/** files a reader has given so far: of two that are read at once the later counts */
let files = 0;

const client = createClient({
  make: () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }) as WorkerLike,
  onReply: receive,
  onGone(fault) {
    state.engine = undefined;
    state.open = undefined;
    if (fault) failed(fault);
    else finished("Stopped. The engine did not answer, so it was ended; the next click starts it afresh.");
  },
});
const showForm = createForm(facts, {
  onChange: change,
  onRun: run,
  onStop: () => client.stop(),
  onModelFile: (file) => void takeFile(() => takeModel(file, ++files)),
  onPictureFile: (file) => void takeFile(() => takePicture(file, ++files)),
  onRemoveModel() {
    state.ownModel = undefined;
    subjectChanged();
  },
  onRemovePicture() {
    state.ownPicture = undefined;
    subjectChanged();
  },
  onColours(space) {
    state.colours = space;
    subjectChanged();
  },
  onDevice(device) {
    // the worker ends, and with it the engine and the model that it holds
    client.close();
    state.device = device;
    state.engine = undefined;
    state.open = undefined;
    subjectChanged();
    hideProgress();
    stop.hidden = true;
    say("");
  },
  onOutline(shown) {
    state.outlined = shown;
    showPictures();
  },
  onOpacity(value) {
    state.opacity = value;
    requestAnimationFrame(() => redraw());
  },
});
const showClasses = createClasses((index) => change({ target: state.names[index] }));

function change(part: Partial<Choice>): void {
  const before = state.choice;
  choose(part);
  // the prediction is the default, and leaves no trace in the address
  const { prediction, names } = state;
  if (prediction && state.choice.target === names[prediction.predicted]) choose({ target: null });
  const linked = state.ownModel ? { ...state.choice, target: null } : state.choice;
  history.replaceState(null, "", location.pathname + searchOf(linked, facts) + location.hash);
  const { model, sample, target } = state.choice;
  if (model !== before.model || sample !== before.sample) subjectChanged();
  else again(target === before.target);
}

function choose(part: Partial<Choice>): void {
  state.choice = { ...state.choice, ...part };
}

/** Another picture or model: nothing that is shown belongs to it. */
function subjectChanged(): void {
  client.stop();
  state.drawn = drawSample(state.bundled.dataset, state.choice.sample);
  state.prediction = undefined;
  state.fetched = undefined;
  const { target } = state.choice;
  if (target !== null && !state.names.includes(target)) choose({ target: null });
  again(false);
}

/**
 * What is here already answers at once; what must be fetched, or is a reader's own and may be large, waits for the button.
 *
 * @param valid  what was computed still answers the question
 */
function again(valid: boolean): void {
  const now = state.isOpen && !state.ownModel && state.choice.methods.length > 0;
  if (!now && !valid) state.results = new Map();
  showChoice();
  if (now) run();
  else showResults();
}

function run(): void {
  clearFault();
  const { choice, picture, source } = state;
  if (choice.methods.length === 0) {
    showFault({ code: "E_METHODS", problem: "no method is chosen", details: [], next: "tick at least one" });
    return;
  }
  begun = performance.now();
  stop.hidden = false;
  setStale(true);
  say(state.isOpen ? "Computing" : "Loading");
  showProgress();
  const target = choice.target === null ? -1 : state.names.indexOf(choice.target);
  const { sample, image, mask } = picture;
  client.work({
    model: source,
    picture: { sample, image, mask },
    target: target < 0 ? undefined : target,
    methods: choice.methods,
    device: state.device,
  });
  if (state.stored) void compare(choice.model);
}

/** Fetches Node's values beside the work; without them the page says so and goes on. */
async function compare(model: string): Promise<void> {
  try {
    const found = await referenceOf(model);
    if (model !== state.choice.model || !state.stored) return;
    state.fetched = found;
    for (const id of state.choice.methods) showRow(id, state.results.get(id), state.reference);
    showParity();
  } catch (error) {
    setParity({ words: `${faultOf(error).problem}: nothing to compare with.` });
  }
}

function receive(reply: Reply): void {
  switch (reply.type) {
    case "status":
      say(reply.text);
      break;
    case "engine":
      state.engine = reply.engine;
      showEngine(reply.engine);
      break;
    case "model":
      state.open = reply.model;
      say("Computing");
      showModel(reply.model, state.source.name);
      break;
    case "prediction":
      state.prediction = reply.prediction;
      state.results = new Map();
      showChoice();
      break;
    case "step": {
      const { method } = reply.step;
      const result = resultAfter(state.results.get(method), reply.step);
      state.results = new Map([...state.results, [method, result]]);
      showCard(method, result);
      showRow(method, result, state.reference);
      if (reply.step.kind === "map") redraw(method);
      break;
    }
    case "progress":
      showProgress(reply.done, reply.total, performance.now() - begun);
      break;
    case "end": {
      const { length } = state.choice.methods;
      const words = `${length === 1 ? "1 method" : `${length} methods`} in ${number(reply.ms / 1000, 1)} s.`;
      finished(reply.outcome === "stopped" ? "Stopped." : words);
      break;
    }
    case "fault":
      failed(reply.fault);
      break;
  }
}

/** What has not been computed by now is empty. */
function finished(words: string): void {
  hideProgress();
  stop.hidden = true;
  say(words);
  showResults();
  showChoice();
}

function failed(fault: Fault): void {
  state.results = new Map();
  state.prediction = undefined;
  finished("");
  showFault(fault);
}

async function takeFile(take: () => Promise<void>): Promise<void> {
  clearFault();
  try {
    await take();
  } catch (error) {
    showFault(faultOf(error));
  }
}

async function takeModel(file: File, turn: number): Promise<void> {
  const model = await readOwnModel(file, turn);
  if (turn !== files) return;
  state.ownModel = model;
  choose({ target: null });
  subjectChanged();
}

async function takePicture(file: File, turn: number): Promise<void> {
  const { decodeImage8 } = await import("../../kit/src/web/image.ts");
  const image = await decodeImage8(file, file.name);
  if (turn !== files) return;
  state.ownPicture = { name: file.name, image };
  subjectChanged();
}

/** Everything that follows from what is chosen and known. */
function showChoice(): void {
  const { choice, ownModel, ownPicture, bundled, isOpen, prediction, names, target, drawn } = state;
  showForm({
    choice,
    ownModel: ownModel?.name,
    ownPicture: ownPicture?.name,
    model: isOpen ? state.open : undefined,
  });
  showBytes({
    engine: state.engine === undefined ? facts.engines[state.device] : undefined,
    model: isOpen ? undefined : { bytes: ownModel ? 0 : bundled.bytes },
    reference: !isOpen && state.stored ? bundled.referenceBytes : 0,
  });
  chooseCards(choice.methods);
  chooseRows(choice.methods);
  showClasses({ names, prediction, target, truth: ownModel || ownPicture ? undefined : drawn.label });
  showPictures();
  showParity();
}

function showResults(): void {
  for (const { id } of facts.methods) {
    showCard(id, state.results.get(id));
    showRow(id, state.results.get(id), state.reference);
  }
}

function showPictures(): void {
  const { seen, picture, prediction, outlined, ownPicture, choice, bundled, drawn } = state;
  showSubject(picture.image, seen);
  const truth = bundled.classes[drawn.label];
  showPicture(ownPicture ?? { sample: choice.sample, truth, image: drawn.image }, seen);
  const mask = prediction ? prediction.mask : picture.mask;
  showOutline(outlined ? mask : undefined, (seen ?? picture.image).width);
}

function showParity(): void {
  const { stored, fetched, prediction, reference, results, choice } = state;
  const otherClass = fetched !== undefined && prediction !== undefined && reference === undefined;
  setParity(parityWords(facts.reference, { stored, otherClass }, results, reference, choice.methods));
}

/** The maps over the picture: of one method, or of all. */
function redraw(only?: string): void {
  const { seen, prediction, results, names, opacity } = state;
  if (!seen || !prediction) return;
  const chosen = [...results].filter(([id]) => only === undefined || id === only);
  drawMaps(seen, new Map(chosen), opacity, names[prediction.target]);
}

// a page that is left, or kept for the way back, computes nothing
addEventListener("pagehide", () => {
  const { busy } = client;
  client.close();
  state.engine = undefined;
  state.open = undefined;
  if (busy) finished("");
  else showChoice();
});

one<HTMLInputElement>("[data-opacity]").value = `${state.opacity}`;
showChoice();
