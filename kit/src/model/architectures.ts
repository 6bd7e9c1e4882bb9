/**
 * What is known of common architectures beforehand, so that nobody has to type it: how the weights that most people have want their images,
 * and where those come from. Values are the libraries' own (torchvision's `Weights.transforms()`, open_clip's `preprocess_cfg`); other
 * weights of the same architecture may want others, which is why a model's own card goes first.
 */
import type { Graph } from "../onnx/graph.ts";
import type { ModelCard } from "../schemas.generated.ts";

type Input = NonNullable<ModelCard["input"]>;

export interface Architecture {
  readonly id: string;
  readonly title: string;
  readonly paper: string;
  readonly family: NonNullable<ModelCard["family"]>;
  readonly input: Required<Pick<Input, "height" | "width" | "mean" | "std">> & {
    /** Pillow's filters: with antialiasing, as torchvision resizes pictures that are no tensors */
    readonly resize: { readonly method: "pillow-bilinear" | "pillow-bicubic"; readonly resizeTo: number };
  };
  /** the names that the libraries know it by, and the weights that the values are of */
  readonly source:
    | {
        readonly library: "torchvision";
        readonly builder: string;
        readonly weights: string;
        readonly timm: string;
      }
    | {
        readonly library: "open_clip";
        readonly model: string;
        readonly pretrained: string;
        readonly scale: number;
      };
  /** the tensor that CAM methods read: what is inferred from the graph, so that no name is needed */
  readonly camLayer: {
    readonly what: string;
    readonly shape: readonly [channels: number, rows: number, columns: number];
  };
  /** other weights that want other values */
  readonly others?: string;
}

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const clip = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };

/** 224 x 224 out of the middle of a picture whose shorter side is brought to `resizeTo`. */
const input = (
  colours: { mean: number[]; std: number[] },
  method: "pillow-bilinear" | "pillow-bicubic",
  resizeTo: number,
): Architecture["input"] => ({ height: 224, width: 224, ...colours, resize: { method, resizeTo } });

const torchvision = (builder: string, weights: string, timm: string) =>
  ({ library: "torchvision", builder, weights, timm }) as const;
const openClip = (model: string) =>
  ({ library: "open_clip", model, pretrained: "openai", scale: 100 }) as const;

const lastOf = (what: string, channels: number) =>
  ({ what, shape: [channels, 7, 7] }) as const satisfies Architecture["camLayer"];
const tokens = {
  what: "the output of the last block's first normalisation, without the class token",
  shape: [768, 14, 14],
} as const;

const first = "IMAGENET1K_V1: --resize-to 256";

export const architectures: readonly Architecture[] = [
  {
    id: "resnet-50",
    title: "ResNet-50",
    paper: "arXiv:1512.03385",
    family: "cnn",
    input: input(imagenet, "pillow-bilinear", 232),
    source: torchvision("resnet50", "ResNet50_Weights.IMAGENET1K_V2", "resnet50"),
    camLayer: lastOf("the output of the last residual block", 2048),
    others: first,
  },
  {
    id: "resnet-101",
    title: "ResNet-101",
    paper: "arXiv:1512.03385",
    family: "cnn",
    input: input(imagenet, "pillow-bilinear", 232),
    source: torchvision("resnet101", "ResNet101_Weights.IMAGENET1K_V2", "resnet101"),
    camLayer: lastOf("the output of the last residual block", 2048),
    others: first,
  },
  {
    id: "densenet-121",
    title: "DenseNet-121",
    paper: "arXiv:1608.06993",
    family: "cnn",
    input: input(imagenet, "pillow-bilinear", 256),
    source: torchvision("densenet121", "DenseNet121_Weights.IMAGENET1K_V1", "densenet121"),
    camLayer: lastOf("the output of the last dense block, normalised, behind its ReLU", 1024),
  },
  {
    id: "densenet-161",
    title: "DenseNet-161",
    paper: "arXiv:1608.06993",
    family: "cnn",
    input: input(imagenet, "pillow-bilinear", 256),
    source: torchvision("densenet161", "DenseNet161_Weights.IMAGENET1K_V1", "densenet161"),
    camLayer: lastOf("the output of the last dense block, normalised, behind its ReLU", 2208),
  },
  {
    id: "convnext-tiny",
    title: "ConvNeXt-Tiny",
    paper: "arXiv:2201.03545",
    family: "cnn",
    input: input(imagenet, "pillow-bilinear", 236),
    source: torchvision("convnext_tiny", "ConvNeXt_Tiny_Weights.IMAGENET1K_V1", "convnext_tiny"),
    camLayer: lastOf("the output of the last block", 768),
  },
  {
    id: "efficientnet-b0",
    title: "EfficientNet-B0",
    paper: "arXiv:1905.11946",
    family: "cnn",
    input: input(imagenet, "pillow-bicubic", 256),
    source: torchvision("efficientnet_b0", "EfficientNet_B0_Weights.IMAGENET1K_V1", "efficientnet_b0"),
    camLayer: lastOf("the output of the last convolution, behind its activation", 1280),
  },
  {
    id: "vit-b-16",
    title: "ViT-B/16",
    paper: "arXiv:2010.11929",
    family: "transformer",
    input: input(imagenet, "pillow-bilinear", 256),
    source: torchvision("vit_b_16", "ViT_B_16_Weights.IMAGENET1K_V1", "vit_base_patch16_224"),
    camLayer: tokens,
    others:
      "IMAGENET1K_SWAG_LINEAR_V1: --resize pillow-bicubic --resize-to 224; IMAGENET1K_SWAG_E2E_V1: the same at 384",
  },
  {
    id: "clip-vit-b-16",
    title: "CLIP ViT-B/16",
    paper: "arXiv:2103.00020",
    family: "contrastive",
    input: input(clip, "pillow-bicubic", 224),
    source: openClip("ViT-B-16"),
    camLayer: tokens,
    others: "some of open_clip's own have other means: the export program writes theirs into the card",
  },
  {
    id: "clip-rn50",
    title: "CLIP RN50",
    paper: "arXiv:2103.00020",
    family: "contrastive",
    input: input(clip, "pillow-bicubic", 224),
    source: openClip("RN50"),
    camLayer: lastOf("the output of the last residual block, before the attention pool", 2048),
  },
];

export const architectureOf = (id: string): Architecture | undefined =>
  architectures.find((architecture) => architecture.id === id);

/** "torchvision, ResNet50_Weights.IMAGENET1K_V2" */
export const weightsOf = ({ source }: Architecture): string =>
  source.library === "torchvision"
    ? `torchvision, ${source.weights}`
    : `open_clip, ${source.model} ${source.pretrained}`;

/** What a preset adds to a card: the card completed, and what came from where in words; or why it is not used. */
export type Completed = { readonly card: ModelCard; readonly said: string };

/**
 * The card with what the preset knows and the card leaves open, if the model takes what the preset is for: colour images of its size, or of
 * any. A way to another size is not guessed.
 *
 * @param inputs  of the model's file
 */
export function completed(
  card: ModelCard,
  { id, input: known, family }: Architecture,
  inputs: Graph["inputs"],
): Completed {
  const own = card.input ?? {};
  const given = inputs.find(({ name, dims }) =>
    own.name === undefined ? dims.length === 4 : name === own.name,
  );
  const dims = given?.dims.slice(1) ?? [];
  const fixed = dims.filter((dim): dim is number => typeof dim === "number");
  const sides = fixed.filter((_, i) => i !== fixed.indexOf(3));
  if (dims.length !== 3 || !fixed.includes(3) || sides.some((side) => side !== known.height)) {
    const takes =
      dims.length === 0 ? "no images" : dims.map((dim) => (typeof dim === "number" ? dim : "?")).join("x");
    return {
      card,
      said: `the preset ${id} is for 3x${known.height}x${known.width} and this model takes ${takes}: nothing of it is used`,
    };
  }
  const [height, width] = [own.height ?? known.height, own.width ?? known.width];
  const sameSize = height === known.height && width === known.width;
  const resize = own.resize ?? (sameSize ? known.resize : undefined);
  const said = [
    ...(own.mean ? [] : [`mean ${known.mean.join(",")}`]),
    ...(own.std ? [] : [`std ${known.std.join(",")}`]),
    ...(own.resize
      ? []
      : [
          sameSize
            ? `resize ${known.resize.method}, shorter side to ${known.resize.resizeTo}`
            : `no resize, since ${height}x${width} is another size`,
        ]),
    ...(card.family ? [] : [`family ${family}`]),
  ];
  return {
    card: {
      ...card,
      input: {
        ...own,
        height,
        width,
        mean: own.mean ?? [...known.mean],
        std: own.std ?? [...known.std],
        ...(resize && { resize }),
      },
      family: card.family ?? family,
    },
    said: `from the preset ${id}: ${said.length === 0 ? "nothing, all is told already" : said.join("; ")}`,
  };
}
