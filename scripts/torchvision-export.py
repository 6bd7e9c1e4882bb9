#!/usr/bin/python3
"""Exports torchvision models with random weights, and the gradients torch finds for them.

For each model, OUT gets <name>.onnx (opset 17, free batch) and <name>.npz: x, seed, and the logits and d(sum seed*logits)/dx
in float32 and float64 (logits32, logits64, gradient32, gradient64). kit/test/torchvision.test.ts compares ours with
them: XAI_TORCHVISION=OUT npx vitest run kit/test/torchvision

Needs only torch and torchvision (Debian: python3-torchvision). Nothing is downloaded.
"""

import argparse
import copy
import os
import pathlib
import warnings

DEFAULT = ["resnet50", "densenet121", "convnext_tiny", "efficientnet_b0", "vit_b_16"]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=pathlib.Path, help="folder to write to")
parser.add_argument("models", nargs="*", default=DEFAULT, help=f"default: {' '.join(DEFAULT)}")
parser.add_argument("--batch", type=int, default=2, help="images per model; default: 2")
arguments = parser.parse_args()  # before torch is imported: --help answers everywhere

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads than free cores spin

import numpy
import torch
import torchvision


def model(name):
    """Random weights that exercise every path: statistics from data, no zero-initialised head."""
    torch.manual_seed(100)
    net = getattr(torchvision.models, name)(weights=None)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the mean over the batches seen
        if any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules()):
            net.train()
            for _ in range(2):
                net(torch.randn(4, 3, 224, 224))
        for p in net.parameters():
            if p.abs().max() == 0 and p.dim() > 1:
                p.normal_(0, 0.05)
    return net.eval()


def gradient(net, x, seed):
    x = x.clone().requires_grad_()
    logits = net(x)
    (logits * seed).sum().backward()
    return logits.detach().numpy(), x.grad.numpy()


def main():
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    for name in arguments.models:
        net = model(name)
        x = torch.randn(arguments.batch, 3, 224, 224)
        seed = torch.randn(arguments.batch, 1000)
        torch.onnx.export(
            net,
            x,
            str(arguments.out / f"{name}.onnx"),
            opset_version=17,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
        )
        logits32, gradient32 = gradient(net, x, seed)
        logits64, gradient64 = gradient(copy.deepcopy(net).double(), x.double(), seed.double())
        numpy.savez(
            arguments.out / f"{name}.npz",
            x=x.numpy(),
            seed=seed.numpy(),
            logits32=logits32,
            logits64=logits64,
            gradient32=gradient32,
            gradient64=gradient64,
        )
        print(name, flush=True)


main()
