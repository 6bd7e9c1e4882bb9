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

/** "vit-b-16" → "ViT-B-16", "clip-vit-mini" → "CLIP-ViT-mini" */
export const architectureLabel = (id: string): string =>
  id
    .split("-")
    .map((part) => words[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("-");

const families: Readonly<Record<string, string>> = {
  cnn: "Convolutional",
  transformer: "Transformer",
  contrastive: "Contrastive",
};
export const familyOrder = Object.keys(families);
export const familyLabel = (id: string): string => families[id] ?? id;

const tracks: Readonly<Record<string, string>> = {
  natural: "Natural images",
  medical: "Medical images",
  cxr: "Chest X-rays",
  ct: "CT",
  synthetic: "Synthetic",
  own: "Own data",
};
export const trackLabel = (id: string): string => tracks[id] ?? id;

/** "faithfulness" → "Faithfulness" */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
