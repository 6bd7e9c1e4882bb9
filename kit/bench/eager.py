#!/usr/bin/python3
"""The PyTorch side of the benchmark: answers one line of JSON with one line of JSON.

  {"model", "kind": "forward" | "gradient", "batch"}                     -> {"ms"}
  {"model", "kind": "passes", "batch", "forwards", "backwards"}          -> {"ms"}   so many images, in such batches

The model is a name of torchvision, with random weights: speed does not depend on them. The gradient is that of one logit per image with
respect to the image; parameters are frozen. With --device cuda the images lie in the host's memory before, and the result after. Products are
rounded as float32 there too, never as TF32. With --peak MODEL KIND BATCH it runs twice and prints its own peak memory in bytes.
"""

import json
import os
import sys
import time

if len(sys.argv) < 2 or not sys.argv[1].isdigit():
    sys.exit(f"usage: {sys.argv[0]} THREADS [--device DEVICE] [--peak MODEL KIND BATCH]\n{__doc__}")
THREADS = int(sys.argv[1])
DEVICE = sys.argv[sys.argv.index("--device") + 1] if "--device" in sys.argv else "cpu"
os.environ["OMP_NUM_THREADS"] = str(THREADS)  # read when torch loads

import torch
import torchvision

torch.set_num_threads(THREADS)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
nets = {}


def net(name):
    if name not in nets:
        nets.clear()  # one at a time: the benchmark goes model by model
        nets[name] = getattr(torchvision.models, name)(weights=None).eval().requires_grad_(False).to(DEVICE)
    return nets[name]


def forward(model, x):
    with torch.no_grad():
        return model(x)


def gradient(model, x):
    x.requires_grad_()
    model(x)[:, 0].sum().backward()
    return x.grad


def run(request):
    model, batch = net(request["model"]), request["batch"]
    parts = {"forward": [(forward, batch)], "gradient": [(gradient, batch)]}.get(request["kind"])
    if parts is None:
        parts = [(forward, request["forwards"]), (gradient, request["backwards"])]
    images = [(what, torch.randn(n, 3, 224, 224)) for what, n in parts if n > 0]
    start = time.perf_counter()
    for what, x in images:
        for chunk in x.split(batch):
            what(model, chunk.detach().to(DEVICE)).cpu()  # which waits for the card
    return time.perf_counter() - start


def gigaflops():
    """One matrix product, 1024 x 1024 x 1024, best of 5."""
    a = torch.randn(1024, 1024, device=DEVICE)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        (a @ a)[0, 0].item()
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


def say(**answer):
    print(json.dumps(answer), flush=True)


if "--peak" in sys.argv:
    import re, resource
    from pathlib import Path

    model, kind, batch = sys.argv[sys.argv.index("--peak") + 1 :][:3]
    for _ in range(2):
        run({"model": model, "kind": kind, "batch": int(batch)})
    status = Path("/proc/self/status")  # getrusage also counts what the parent had when it made this process
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    kib = int(peak[1]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say(bytes=kib * 1024)
    sys.exit()

models = [name for name, value in vars(torchvision.models).items() if callable(value) and name.islower()]
say(version=torch.__version__, gigaflops=gigaflops(), models=models)
for line in sys.stdin:
    try:
        say(ms=1000 * run(json.loads(line)))
    except Exception as error:  # told to the benchmark, which reports it with the model's name
        say(ms=0, error=repr(error))
