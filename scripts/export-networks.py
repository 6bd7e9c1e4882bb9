#!/usr/bin/python3
"""Exports networks with random weights, and the gradients torch finds for them.

For each network, OUT gets <name>.onnx (free batch) and, unless told otherwise, <name>.npz: x, seed, and the logits and
d(sum seed*logits)/dx in float64 (logits64, gradient64) and in float32 (logits32, gradient32, with one more axis in
front: at x and at three neighbours of x one rounding away, which shows what float32 rounding does to the network).
scripts/architectures.ts compares ours with them. One line of JSON per network goes to stdout.

Networks are torchvision's by its names, timm's as timm.<name>, image towers that transformers ships as
transformers.clip, .siglip, .dinov2 and .beit, and the towers of clip_towers.py as clip_rn50 and clip_vit_b_32. Nothing
is downloaded. Needs torch and torchvision (Debian: python3-torchvision), timm and transformers for theirs, and PyTorch 2
for --exporter dynamo; where one of these is missing, the exit code is 3.
"""

import argparse
import copy
import inspect
import json
import os
import pathlib
import sys
import warnings

DEFAULT = ["resnet50", "densenet121", "convnext_tiny", "efficientnet_b0", "vit_b_16"]
# The sizes that torchvision's own weights were trained at, where that is not 224.
SIZES = {"inception_v3": 299, "efficientnet_b4": 380, "efficientnet_v2_s": 384, "swin_v2_t": 256}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=pathlib.Path, help="folder to write to")
parser.add_argument("models", nargs="*", default=DEFAULT, help=f"default: {' '.join(DEFAULT)}")
parser.add_argument("--batch", type=int, default=2, help="images per network; default: 2")
parser.add_argument("--opset", type=int, default=17, help="ONNX opset; default: 17")
parser.add_argument("--exporter", choices=["tracing", "dynamo"], default="tracing", help="default: tracing")
parser.add_argument("--no-gradients", action="store_true", help="write no .npz")
arguments = parser.parse_args()  # before torch is imported: --help answers everywhere

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads than free cores spin

MISSING = 3


def missing(what):
    print(f"{what} is not at hand", file=sys.stderr)
    sys.exit(MISSING)


try:
    import numpy
    import torch
    import torchvision
except ImportError as error:
    missing(error.name)

import clip_towers

NORMS = (torch.nn.BatchNorm2d, torch.nn.LayerNorm, torch.nn.GroupNorm)
TORCH_2 = "dynamo" in inspect.signature(torch.onnx.export).parameters


class Tower(torch.nn.Module):
    """An encoder of transformers: image to embedding."""

    def __init__(self, net, output):
        super().__init__()
        self.net = net
        self.output = output

    def forward(self, image):
        return getattr(self.net(pixel_values=image), self.output)


def of_transformers(name):
    """Networks of transformers in the sizes of their default configuration, and what of their output is the embedding."""
    try:
        import transformers as t
    except ImportError:
        missing("transformers")
    if name == "clip":
        net = t.CLIPVisionModelWithProjection(t.CLIPVisionConfig())
        return clip_towers.ZeroShot(Tower(net, "image_embeds"), net.config.projection_dim), t
    if name == "siglip":
        net = t.SiglipVisionModel(t.SiglipVisionConfig())
        return clip_towers.ZeroShot(Tower(net, "pooler_output"), net.config.hidden_size), t
    if name == "dinov2":
        return Tower(t.Dinov2ForImageClassification(t.Dinov2Config(num_labels=10, image_size=224)), "logits"), t
    if name == "beit":
        config = t.BeitConfig(num_labels=10, use_relative_position_bias=True)
        return Tower(t.BeitForImageClassification(config), "logits"), t
    sys.exit(f"no network transformers.{name}")


def of_timm(name):
    try:
        import timm
    except ImportError:
        missing("timm")
    # DINOv2 was trained at 518; its parts are the same at 224
    options = {"img_size": 224} if "dinov2" in name else {}
    net = timm.create_model(name, pretrained=False, num_classes=10 if "dinov2" in name else 1000, **options)
    return net, timm


def network(name):
    """The network, its input size, and the packages it is from."""
    library, _, rest = name.partition(".")
    if rest and library == "timm":
        net, package = of_timm(rest)
        return net, 224 if "dinov2" in name else net.default_cfg["input_size"][-1], package
    if rest and library == "transformers":
        net, package = of_transformers(rest)
        return net, 224, package
    if name in clip_towers.TOWERS:
        return clip_towers.TOWERS[name](), 224, torchvision
    return torchvision.models.get_model(name, weights=None), SIZES.get(name, 224), torchvision


def exercised(net, size):
    """Random weights that exercise every path: statistics from data, no branch that its first weights switch off."""
    with torch.no_grad():
        for key, p in net.named_parameters():
            if key.endswith("layer_scale") or 0 < p.abs().max() < 1e-3:  # starts at 1e-6, which would hide the whole branch
                p.uniform_(0.1, 1)
            elif p.abs().max() == 0 and p.dim() > 1:
                p.normal_(0, 0.05)
            elif p.abs().max() == 0 and p.dim() == 0:  # a gain that starts at nothing
                p.fill_(0.5)
        for module in net.modules():
            if isinstance(module, NORMS) and module.weight is not None:
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.1)
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1  # the statistics of the batch seen
        if any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules()):
            net.train()
            net(torch.randn(2, 3, size, size))
    return net.eval()


def gradient(net, x, seed=None):
    x = x.clone().requires_grad_()
    logits = net(x)
    seed = torch.randn_like(logits) if seed is None else seed
    (logits * seed).sum().backward(inputs=[x])
    return logits.detach().numpy(), x.grad.numpy(), seed


def zero(g, x):
    """What torch 1.13 has no ONNX for: Swin v2 zeroes the bias of its keys in place."""
    return g.op("Mul", x, g.op("Constant", value_t=torch.tensor(0.0)))


def neighbour(x):
    """Every element moved to the next float32, up or down."""
    return torch.nextafter(x, torch.where(torch.rand_like(x) < 0.5, -torch.inf, torch.inf))


def export(net, x, path):
    """Writes the network with a free batch, or a fixed one where PyTorch 2 cannot find out that it is free."""
    names = {"input_names": ["input"], "output_names": ["logits"], "opset_version": arguments.opset}
    if arguments.exporter == "dynamo":
        told = {**names, "dynamo": True, "external_data": False, "verbose": False}
        free = {"dynamic_shapes": ({0: torch.export.Dim("batch", min=1, max=1024)},)}
        try:
            torch.onnx.export(net, (x,), path, **told, **free)
        except Exception as error:
            print(f"with a free batch: {error!r}"[:2000], file=sys.stderr)
            torch.onnx.export(net, (x,), path, **told)
        return
    if not TORCH_2:
        torch.onnx.register_custom_op_symbolic("aten::zero", zero, 9)
    tracing = {"dynamo": False} if TORCH_2 else {}
    axes = {"input": {0: "batch"}, "logits": {0: "batch"}}
    torch.onnx.export(net, (x,), path, **names, dynamic_axes=axes, **tracing)


def main():
    if arguments.exporter == "dynamo" and not TORCH_2:
        missing("PyTorch 2")
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    warnings.filterwarnings("ignore")
    for name in arguments.models:
        torch.manual_seed(100)
        net, size, package = network(name)
        net = exercised(net, size)
        x = torch.randn(arguments.batch, 3, size, size)
        export(net, x, str(arguments.out / f"{name}.onnx"))
        if not arguments.no_gradients:
            at_x = gradient(net, x)
            seed = at_x[2]
            near = [gradient(net, neighbour(x), seed) for _ in range(3)]
            logits32, gradient32 = (numpy.stack([run[i] for run in [at_x, *near]]) for i in range(2))
            logits64, gradient64, _ = gradient(copy.deepcopy(net).double(), x.double(), seed.double())
            numpy.savez(
                arguments.out / f"{name}.npz",
                x=x.numpy(),
                seed=seed.numpy(),
                logits32=logits32,
                logits64=logits64,
                gradient32=gradient32,
                gradient64=gradient64,
            )
        facts = {
            "model": name,
            "parameters": sum(p.numel() for p in net.parameters()),
            "torch": torch.__version__,
            package.__name__: package.__version__,
        }
        print(json.dumps(facts), flush=True)


main()
