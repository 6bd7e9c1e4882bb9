/** All that the page knows, and what follows from it. */
import type { PixelImage } from "../../kit/src/render/overlay.ts";
import type { DecodedImage8 } from "../../kit/src/web/image.ts";
import { modelUrl } from "./addresses.ts";
import type { Catalogue, CatalogueModel } from "./catalogue.ts";
import { type Choice, parseChoice } from "./choice.ts";
import type {
  DemoDevice,
  EngineFacts,
  ModelFacts,
  ModelSource,
  Picture,
  PredictionFacts,
} from "./messages.ts";
import { type ColourSpace, type OwnModel, sourceOf } from "./own.ts";
import { type Drawn, drawSample, ownSample } from "./phantoms.ts";
import type { Reference } from "./reference.ts";
import { usualOpacity } from "./ui/picture.ts";
import type { Result } from "./ui/results.ts";

export interface State {
  choice: Choice;
  ownModel: OwnModel | undefined;
  colours: ColourSpace;
  ownPicture: { readonly name: string; readonly image: DecodedImage8 } | undefined;
  /** the picture of `choice.sample` */
  drawn: Drawn;
  device: DemoDevice;
  engine: EngineFacts | undefined;
  /** what is open in the worker */
  open: ModelFacts | undefined;
  prediction: PredictionFacts | undefined;
  /** Node's values of the chosen model, once they have come */
  fetched: Reference | undefined;
  results: ReadonlyMap<string, Result>;
  opacity: number;
  outlined: boolean;

  readonly bundled: CatalogueModel;
  readonly source: ModelSource;
  readonly picture: Picture;
  /** whether the worker has the chosen model */
  readonly isOpen: boolean;
  /** classes of the chosen model; none while a reader's own is closed */
  readonly names: readonly string[];
  /** explained class: as it was, else as chosen; −1 for a prediction that is still unknown */
  readonly target: number;
  /** whether Node's values are kept of this picture and model */
  readonly stored: boolean;
  /** Node's values, where they are of the class that is explained */
  readonly reference: Reference | undefined;
  /** the picture as the model is shown it */
  readonly seen: PixelImage | undefined;
}

export function createState(facts: Catalogue, search: string): State {
  const choice = parseChoice(search, facts);
  const find = (id: string) => facts.models.find((m) => m.id === id)!;
  return {
    choice,
    ownModel: undefined,
    colours: "plain",
    ownPicture: undefined,
    drawn: drawSample(find(choice.model).dataset, choice.sample),
    device: "wasm",
    engine: undefined,
    open: undefined,
    prediction: undefined,
    fetched: undefined,
    results: new Map(),
    opacity: usualOpacity,
    outlined: false,
    get bundled() {
      return find(this.choice.model);
    },
    get source() {
      if (this.ownModel) return sourceOf(this.ownModel, this.colours);
      const { id, card, sha256 } = this.bundled;
      return { key: id, name: id, card, file: { url: modelUrl(id), sha256 } };
    },
    get picture() {
      return this.ownPicture ? { sample: ownSample, image: this.ownPicture.image } : this.drawn;
    },
    get isOpen() {
      return this.open?.key === this.source.key;
    },
    get names() {
      if (this.ownModel === undefined) return this.bundled.classes;
      return this.isOpen ? this.open!.classes : [];
    },
    get target() {
      const { target } = this.choice;
      return this.prediction?.target ?? (target === null ? -1 : this.names.indexOf(target));
    },
    get stored() {
      return !this.ownModel && !this.ownPicture && this.choice.sample === facts.reference.sample;
    },
    get reference() {
      return this.prediction?.target === this.fetched?.target ? this.fetched : undefined;
    },
    get seen() {
      return this.prediction && this.open && { ...this.open.shape, data: this.prediction.x };
    },
  };
}
