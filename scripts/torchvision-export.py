#!/usr/bin/python3
"""Exports models with random weights, and the gradients torch finds for them.

For each model, OUT gets <name>.onnx (free batch) and <name>.npz: x, seed, and the logits and d(sum seed*logits)/dx in
float64 (logits64, gradient64) and in float32 (logits32, gradient32, with one more axis in front: at x and at three
neighbours of x one rounding away, which shows what float32 rounding does to the model). scripts/architectures.ts
compares ours with them. One line of JSON per model goes to stdout.

Models are torchvision's, by its names, and the image towers of CLIP (clip_towers.py): clip_rn50, clip_vit_b_32.
Needs only torch and torchvision (Debian: python3-torchvision). Nothing is downloaded.
"""

import argparse
import copy
import json
import os
import pathlib
import warnings

DEFAULT = ["resnet50", "densenet121", "convnext_tiny", "efficientnet_b0", "vit_b_16"]
# The sizes that torchvision's own weights were trained at, where that is not 224.
SIZES = {"inception_v3": 299, "efficientnet_b4": 380, "efficientnet_v2_s": 384, "swin_v2_t": 256}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=pathlib.Path, help="folder to write to")
parser.add_argument("models", nargs="*", default=DEFAULT, help=f"default: {' '.join(DEFAULT)}")
parser.add_argument("--batch", type=int, default=2, help="images per model; default: 2")
parser.add_argument("--opset", type=int, default=17, help="ONNX opset, 11 to 17; default: 17")
arguments = parser.parse_args()  # before torch is imported: --help answers everywhere

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads than free cores spin

import numpy
import torch
import torchvision

import clip_towers

NORMS = (torch.nn.BatchNorm2d, torch.nn.LayerNorm, torch.nn.GroupNorm)


def model(name, size):
    """Random weights that exercise every path: statistics from data, no branch that its first weights switch off."""
    torch.manual_seed(100)
    net = clip_towers.TOWERS[name]() if name in clip_towers.TOWERS else torchvision.models.get_model(name, weights=None)
    with torch.no_grad():
        for key, p in net.named_parameters():
            if key.endswith("layer_scale"):  # starts at 1e-6, which would hide the whole branch
                p.uniform_(0.1, 1)
            elif p.abs().max() == 0 and p.dim() > 1:
                p.normal_(0, 0.05)
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


def main():
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    torch.onnx.register_custom_op_symbolic("aten::zero", zero, 9)
    for name in arguments.models:
        size = SIZES.get(name, 224)
        net = model(name, size)
        x = torch.randn(arguments.batch, 3, size, size)
        torch.onnx.export(
            net,
            x,
            str(arguments.out / f"{name}.onnx"),
            opset_version=arguments.opset,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
        )
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
            "torchvision": torchvision.__version__,
        }
        print(json.dumps(facts), flush=True)


main()
