/** Words for ids. Titles of methods, metrics and data sets come with the documents; these are the rest. */

const words: Readonly<Record<string, string>> = {
  resnet: "ResNet",
  densenet: "DenseNet",
  vit: "ViT",
  clip: "CLIP",
  convnext: "ConvNeXt",
  efficientnet: "EfficientNet",
  swin: "Swin",
  deit: "DeiT",
  siglip: "SigLIP",
  vgg: "VGG",
};

/** Ids come from strangers: "constructor" is none of ours. */
const known = (names: Readonly<Record<string, string>>, id: string): string | undefined =>
  Object.hasOwn(names, id) ? names[id] : undefined;

/** "vit-b-16" → "ViT-B-16", "clip-vit-mini" → "CLIP-ViT-mini" */
export const architectureLabel = (id: string): string =>
  id
    .split("-")
    .map((part) => known(words, part) ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("-");

/** What a model is called: its architecture, or its id where none is stated. */
export const modelTitle = ({
  architecture,
  id,
}: {
  readonly architecture: string | null;
  readonly id: string;
}): string => (architecture ? architectureLabel(architecture) : id);

const families: Readonly<Record<string, string>> = {
  cnn: "Convolutional",
  transformer: "Transformer",
  contrastive: "Contrastive",
};
export const familyOrder = Object.keys(families);
export const familyLabel = (id: string): string => known(families, id) ?? id;

const tracks: Readonly<Record<string, string>> = {
  natural: "Natural images",
  medical: "Medical images",
  cxr: "Chest X-rays",
  ct: "CT",
  synthetic: "Synthetic",
  own: "Own data",
};
export const trackLabel = (id: string): string => known(tracks, id) ?? id;

/** A method whose maps were not computed by the kit. */
export const elsewhere = (title: string): string => `${title} (computed elsewhere)`;

/** "faithfulness" → "Faithfulness" */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
