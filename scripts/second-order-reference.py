#!/usr/bin/python3
"""A tiny network and its derivatives of first and second order, by PyTorch autograd in float64.

Writes FILE, kit/src/autodiff/second-order.fixtures.json: the network as ONNX (base64) with random weights, an input, a
seed, and for three losses the gradients with respect to the input and every weight. The first is sum seed*logits; the
others are made of gradients (create_graph=True): a penalty on the input gradient, and Grad-CAM inside a mask.

Needs only torch (Debian: python3-torch).
"""

import argparse
import base64
import io
import json
import os
import pathlib
import warnings

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file", type=pathlib.Path, help="file to write to")
arguments = parser.parse_args()

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    """Grouped, dilated, strided, depthwise and transposed convolutions, norms, max pooling and attention."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.Conv2d(4, 6, 3, stride=(1, 2), padding=(2, 1), dilation=(2, 1), groups=2)
        self.norm = nn.BatchNorm2d(6)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False)
        self.up = nn.ConvTranspose2d(6, 4, 3, stride=(2, 1), padding=1, output_padding=(1, 0), groups=2)
        self.layer = nn.LayerNorm(4)
        self.query, self.key, self.value = nn.Linear(4, 4), nn.Linear(4, 4, bias=False), nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.rest(self.maps(x))

    def maps(self, x):
        x = functional.silu(self.norm(self.grouped(x)))
        x = functional.max_pool2d(self.depthwise(x), 2)
        return torch.relu(self.up(x))

    def rest(self, maps):
        tokens = self.layer(maps.flatten(2).transpose(1, 2))
        weights = torch.softmax(self.query(tokens) @ self.key(tokens).transpose(1, 2) / 2, dim=-1)
        tokens = tokens + weights @ self.value(tokens)
        return self.head(torch.tanh(tokens.mean(dim=1)))


def random_net():
    torch.manual_seed(7)
    net = Net()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn_like(p) / max(1, p[0].numel()) ** 0.5)
        net.norm.running_mean.normal_(0, 0.3)
        net.norm.running_var.uniform_(0.5, 2)
    return net.eval()


def exported(net, x):
    file = io.BytesIO()
    # PRESERVE and no folding: weights keep their names and shapes, the batch norm stays a node
    torch.onnx.export(
        net,
        x,
        file,
        opset_version=17,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    return base64.b64encode(file.getvalue()).decode()


def losses(net, x, seed, mask):
    maps = net.maps(x)
    score = (net.rest(maps) * seed).sum()
    d_input, d_maps = torch.autograd.grad(score, [x, maps], create_graph=True)
    cam = torch.relu((d_maps.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1))
    return {"score": score, "penalty": (d_input**2).sum(), "cam": (cam * mask).sum()}


def listed(t):
    return [float(f"{v:.9g}") for v in t.detach().double().flatten().tolist()]


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    net = random_net()
    x = torch.randn(2, 4, 6, 6)
    seed = torch.randn(2, 3)
    onnx = exported(net, x)
    net, x, seed = net.double(), x.double().requires_grad_(), seed.double()
    mask = torch.randn_like(net.maps(x)[:, 0]).float().double().detach()
    found = {}
    parameters = dict(net.named_parameters())
    for name, loss in losses(net, x, seed, mask).items():
        tensors = {"input": x, **parameters}
        gradients = torch.autograd.grad(loss, tensors.values(), retain_graph=True, allow_unused=True)
        found[name] = {
            "value": loss.item(),
            "gradients": {k: listed(torch.zeros_like(t) if g is None else g) for (k, t), g in zip(tensors.items(), gradients)},
        }
    facts = {
        "source": f"scripts/second-order-reference.py, torch {torch.__version__}, float64",
        "onnx": onnx,
        "input": {"dims": list(x.shape), "data": listed(x)},
        "seed": {"dims": list(seed.shape), "data": listed(seed)},
        "mask": {"dims": list(mask.shape), "data": listed(mask)},
        "losses": found,
    }
    body = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in facts.items())
    arguments.file.write_text("{\n" + body + "\n}\n")


main()
