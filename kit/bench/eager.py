#!/usr/bin/python3
"""The PyTorch side of bench.ts: answers {"model", "kind", "batch"} with {"ms"}, one line of JSON each.

Weights are random: speed does not depend on them. The gradient is that of one logit per image with respect to the image.
"""

import json
import os
import sys
import time

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else None
if THREADS is None:
    sys.exit(f"usage: {sys.argv[0]} THREADS\n{__doc__}")
os.environ["OMP_NUM_THREADS"] = str(THREADS)  # read when torch loads

import torch
import torchvision

torch.set_num_threads(THREADS)
nets = {}


def net(name):
    if name not in nets:
        nets.clear()  # one at a time: bench.ts goes model by model
        nets[name] = getattr(torchvision.models, name)(weights=None).eval().requires_grad_(False)
    return nets[name]


def run(name, kind, batch):
    model = net(name)
    x = torch.randn(batch, 3, 224, 224)
    if kind == "forward":
        start = time.perf_counter()
        with torch.no_grad():
            model(x)
        return time.perf_counter() - start
    x.requires_grad_()
    start = time.perf_counter()
    model(x)[:, 0].sum().backward()
    return time.perf_counter() - start


def gigaflops():
    """One matrix product, 1024 x 1024 x 1024, best of 5."""
    a = torch.randn(1024, 1024)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


def say(**answer):
    print(json.dumps(answer), flush=True)


models = [name for name, value in vars(torchvision.models).items() if callable(value) and name.islower()]
say(version=torch.__version__, gigaflops=gigaflops(), models=models)
for line in sys.stdin:
    try:
        request = json.loads(line)
        say(ms=1000 * run(request["model"], request["kind"], request["batch"]))
    except Exception as error:  # told to bench.ts, which reports it with the model's name
        say(ms=0, error=repr(error))
