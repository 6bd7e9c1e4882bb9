/** What will be fetched, and what really ran. */
import type { Image8 } from "../../../kit/src/datasets/readers/image8.ts";
import type { DecodedImage8 } from "../../../kit/src/web/image.ts";
import { bytes, number, power } from "../../lib/format.ts";
import type { EngineFacts, ModelFacts } from "../messages.ts";
import { one, write } from "./dom.ts";

const button = one<HTMLButtonElement>("[data-run]");
const announced = one<HTMLElement>("[data-bytes]");
const ran = one<HTMLElement>("[data-ran]");
const caption = one<HTMLElement>("[data-caption]");

export interface Fetches {
  /** undefined where it runs already, and so on */
  readonly engine: { readonly bytes: number; readonly gzipped: number } | undefined;
  /** 0 bytes: a reader's own */
  readonly model: { readonly bytes: number } | undefined;
  readonly reference: number;
}

/** The button says what a click fetches. */
export function showBytes({ engine, model, reference }: Fetches): void {
  const parts = [
    engine && `${bytes(engine.bytes)} engine (${bytes(engine.gzipped)} compressed)`,
    model && model.bytes > 0 && `${bytes(model.bytes)} model`,
    reference > 0 && `${bytes(reference)} reference values`,
  ].filter(Boolean);
  button.textContent = model === undefined ? "Explain" : "Load model and explain";
  announced.textContent =
    parts.length > 0 ? `Fetches ${parts.join(" + ")}` : "Everything is here: nothing is fetched";
}

export function showEngine({
  package: name,
  version,
  provider,
  threads,
  maxError,
  tolerance,
  ms,
}: EngineFacts): void {
  write(
    ran,
    "engine",
    `${name} ${version}, ${provider}, ${threads} thread${threads === 1 ? "" : "s"}; started in ${number(ms, 0)} ms`,
  );
  write(
    ran,
    "check",
    `a small network whose numbers are known: largest error ${power(maxError)}, allowed ${power(tolerance)}`,
  );
}

export function showModel({ sha256, shape, family, opset, assumptions }: ModelFacts, name: string): void {
  const { channels, height, width } = shape;
  write(
    ran,
    "model",
    `${name}: ${channels} × ${height} × ${width}, ${family}, opset ${opset}, sha256 ${sha256.slice(0, 16)}…`,
  );
  one<HTMLElement>("[data-model]", ran).title = sha256;
  write(
    ran,
    "assumed",
    assumptions.length > 0 ? assumptions.join("; ") : "nothing: its card says everything",
  );
}

type Subject =
  | { readonly sample: number; readonly truth: string; readonly image: Image8 }
  | { readonly name: string; readonly image: DecodedImage8 };

export function showPicture(
  subject: Subject,
  seen: { readonly height: number; readonly width: number } | undefined,
): void {
  const { image } = subject;
  const size = `${image.width} × ${image.height}${image.channels === 1 ? ", grey" : ""}`;
  const scaled =
    seen && (seen.height !== image.height || seen.width !== image.width)
      ? `, shown to the model at ${seen.width} × ${seen.height}`
      : "";
  if ("name" in subject) {
    caption.textContent = `${subject.name}${scaled}`;
    write(ran, "picture-facts", [`${size}${scaled}`, ...subject.image.notes].join("; "));
  } else {
    caption.textContent = `Drawn with a known truth: ${subject.truth}`;
    write(ran, "picture-facts", `phantom, test split, number ${subject.sample}: ${size}${scaled}`);
  }
}
