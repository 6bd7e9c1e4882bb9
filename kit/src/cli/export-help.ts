/** Python programs that export an architecture as ONNX and write its model card. Each is complete: it is saved and run. */
import type { Architecture } from "../model/architectures.ts";

export const libraries = ["torchvision", "timm", "open_clip"] as const;
export type Library = (typeof libraries)[number];

/** The libraries that have the architecture, the one first that the preset's values are of. */
export const librariesOf = ({ source }: Architecture): readonly Library[] =>
  source.library === "torchvision" ? ["torchvision", "timm"] : ["open_clip"];

export function exportProgram(architecture: Architecture, library: Library): string {
  const { source } = architecture;
  if (source.library === "open_clip") return openClip(architecture, source);
  return library === "timm" ? timm(architecture, source.timm) : torchvision(architecture, source);
}

/** What all of them end in: the export itself, and the card. */
const ending = `

def export(model, example, path, output):
    """ONNX with a free batch; what it gives are logits or embeddings, not probabilities."""
    model.eval()
    # PyTorch 2.9 changed the default exporter; this is the one that all versions have
    tracing = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(
        model,
        (example,),
        path,
        input_names=["input"],
        output_names=[output],
        dynamic_axes={"input": {0: "batch"}, output: {0: "batch"}},
        opset_version=17,
        **tracing,
    )


def write_card(card, path):
    with open(path.with_suffix(".card.json"), "w", encoding="utf-8") as file:
        json.dump(card, file, indent=2)


FILTERS = {"bilinear": "pillow-bilinear", "bicubic": "pillow-bicubic", "lanczos": "pillow-lanczos"}
`;

const beginning = (
  library: string,
  title: string,
  imports: readonly string[],
): string => `#!/usr/bin/env python3
"""Exports ${title} of ${library} as ONNX, with its model card beside it, for xai-kit."""

import argparse
import inspect
import json
import pathlib

${imports.join("\n")}
`;

function torchvision(
  { id, title, family }: Architecture,
  { builder, weights }: { builder: string; weights: string },
): string {
  const [type, name] = weights.split(".");
  return `${beginning("torchvision", title, ["import torch", "import torchvision", `from torchvision.models import ${type} as Weights`])}
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("${id}.onnx"))
parser.add_argument("--weights", default="${name}", help="of torchvision, or none: random")
parser.add_argument("--checkpoint", help="your own state_dict (.pth), in place of --weights")
parser.add_argument("--classes", type=int, default=1000, help="of your own checkpoint")
${ending}

def main():
    arguments = parser.parse_args()
    own = arguments.checkpoint is not None
    weights = None if own or arguments.weights == "none" else Weights[arguments.weights]
    size = {"num_classes": arguments.classes} if own else {}
    model = torchvision.models.${builder}(weights=weights, **size)
    if own:
        model.load_state_dict(torch.load(arguments.checkpoint, map_location="cpu", weights_only=True))
    # how the pictures are brought to the model: with your own checkpoint, as you trained it
    shown = (weights or Weights.${name}).transforms()
    (side,), (resize,) = shown.crop_size, shown.resize_size
    export(model, torch.rand(2, 3, side, side), arguments.out, "logits")
    card = {
        "architecture": "${id}",
        "family": "${family}",
        "task": "multi-class",
        "input": {
            "height": side,
            "width": side,
            "mean": list(shown.mean),
            "std": list(shown.std),
            "resize": {"method": FILTERS[shown.interpolation.value], "resizeTo": resize},
        },
        "output": {"name": "logits"},
    }
    if weights is not None:
        card["classes"] = list(weights.meta["categories"])
        card["training"] = {"data": f"ImageNet-1k ({type(weights).__name__}.{weights.name})"}
    write_card(card, arguments.out)
    print(f"wrote {arguments.out} and its card")


if __name__ == "__main__":
    main()
`;
}

const timm = (
  { id, title, family }: Architecture,
  name: string,
): string => `${beginning("timm", title, ["import timm", "import torch"])}
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("${id}.onnx"))
parser.add_argument("--model", default="${name}", help="timm's name, with its weights: ${name}.TAG")
parser.add_argument("--random", action="store_true", help="random weights, to try this out")
${ending}

def main():
    arguments = parser.parse_args()
    model = timm.create_model(arguments.model, pretrained=not arguments.random, exportable=True)
    shown = timm.data.resolve_model_data_config(model)
    _, height, width = shown["input_size"]
    export(model, torch.rand(2, 3, height, width), arguments.out, "logits")
    card = {
        "architecture": "${id}",
        "family": "${family}",
        "task": "multi-class",
        "input": {
            "height": height,
            "width": width,
            "mean": list(shown["mean"]),
            "std": list(shown["std"]),
            "resize": {
                "method": FILTERS[shown["interpolation"]],
                "resizeTo": int(min(height, width) // shown["crop_pct"]),
            },
        },
        "output": {"name": "logits"},
        "training": {"data": f"timm {arguments.model}"},
    }
    write_card(card, arguments.out)
    print(f"wrote {arguments.out} and its card")


if __name__ == "__main__":
    main()
`;

const openClip = (
  { id, title, family, input }: Architecture,
  { model, pretrained, scale }: { model: string; pretrained: string; scale: number },
): string => `${beginning("open_clip", title, ["import numpy", "import open_clip", "import torch"])}
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("classes", type=pathlib.Path, help="text file: a class a line, in the order of the scores")
parser.add_argument("--prompts", type=pathlib.Path, help='text file: prompts like "a photo of a {}.", one a line')
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("${id}.onnx"))
parser.add_argument("--pretrained", default="${pretrained}", help="open_clip's name of the weights")
${ending}

class ImageTower(torch.nn.Module):
    """Pictures to embeddings; the texts' are a file of their own."""

    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def forward(self, image):
        return self.clip.encode_image(image)


def lines(path):
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def text_embeddings(clip, tokenizer, classes, prompts):
    """One row per class: the mean direction of its prompts."""
    rows = []
    with torch.no_grad():
        for name in classes:
            texts = clip.encode_text(tokenizer([prompt.replace("{}", name) for prompt in prompts]))
            mean = torch.nn.functional.normalize(texts, dim=-1).mean(dim=0)
            rows.append(torch.nn.functional.normalize(mean, dim=-1))
    return torch.stack(rows).float().numpy()


def main():
    arguments = parser.parse_args()
    classes = lines(arguments.classes)
    prompts = lines(arguments.prompts) if arguments.prompts else ["a photo of a {}."]
    # OpenAI's weights and some others were trained with another GELU than open_clip's
    config = getattr(open_clip, "get_pretrained_cfg", lambda *_: None)("${model}", arguments.pretrained) or {}
    quick_gelu = arguments.pretrained == "openai" or config.get("quick_gelu")
    quick = {"force_quick_gelu": True} if quick_gelu else {}
    clip, _, _ = open_clip.create_model_and_transforms(
        "${model}", pretrained=arguments.pretrained, precision="fp32", **quick
    )
    clip.eval()
    texts = arguments.out.with_suffix(".texts.npy")
    numpy.save(texts, text_embeddings(clip, open_clip.get_tokenizer("${model}"), classes, prompts))
    export(ImageTower(clip), torch.rand(2, 3, ${input.height}, ${input.width}), arguments.out, "embedding")
    # weights that are not OpenAI's may want other pictures
    shown = getattr(clip.visual, "preprocess_cfg", {})
    resize = {"method": FILTERS[shown.get("interpolation", "${input.resize.method.slice("pillow-".length)}")]}
    if shown.get("resize_mode", "shortest") == "shortest":
        resize["resizeTo"] = ${input.resize.resizeTo}
    elif shown["resize_mode"] != "squash":
        print(f"note: these weights want resize_mode {shown['resize_mode']}; the card says squash")
    card = {
        "architecture": "${id}",
        "family": "${family}",
        "task": "multi-class",
        "classes": classes,
        "input": {
            "height": ${input.height},
            "width": ${input.width},
            "mean": list(shown.get("mean", [${input.mean.join(", ")}])),
            "std": list(shown.get("std", [${input.std.join(", ")}])),
            "resize": resize,
        },
        "output": {"name": "embedding"},
        "training": {"data": f"open_clip ${model} {arguments.pretrained}"},
    }
    write_card(card, arguments.out)
    scale = clip.logit_scale.exp().item()
    print(f"wrote {arguments.out}, its card and {texts}; go on with")
    print(f"  --model {arguments.out} --text-embeddings {texts} --logit-scale {scale:.4g}")
    if abs(scale - ${scale}) > 1:
        print("the scale of these weights is not ${scale}: do not leave it out")


if __name__ == "__main__":
    main()
`;
