"""What torchvision's transforms make of drawn pictures: Resize of the shorter side, CenterCrop, ToTensor, as its presets do it.

    python3 scripts/preprocessing-reference.py FILE     writes kit/src/runner/pixels.fixtures.json
    python3 scripts/preprocessing-reference.py - JSON   prints the same of other cases, [{"from", "channels", "resizeTo", "crop"}]

`pillow-*` is Resize of a PIL image. `bilinear` is Resize of a tensor without antialiasing; `antialiased` is that with it, which the kit does as
Pillow does, in rounded steps. A picture is converted first (`Grayscale`, `convert("RGB")`). Needs torch, torchvision and Pillow.
"""
import base64
import hashlib
import json
import sys

import numpy as np
import torch
import torchvision
from PIL import Image, __version__ as pillow_version
from torchvision import transforms as t
from torchvision.transforms import functional as f

if len(sys.argv) < 2 or "--help" in sys.argv:
    print(__doc__)
    sys.exit()

filters = {
    "pillow-bilinear": t.InterpolationMode.BILINEAR,
    "pillow-bicubic": t.InterpolationMode.BICUBIC,
    "pillow-lanczos": t.InterpolationMode.LANCZOS,
}


def drawn(channels, height, width):
    """As `pattern` of resize.test.ts."""
    k, y, x = np.mgrid[0:channels, 0:height, 0:width]
    noise = (x * x * 7 + y * y * 13 + x * y * 5 + k * 29) % 256
    chequered = 255 * ((x + y) % 2)
    return np.where((x // 3 + y // 2 + k) % 2 == 0, noise, chequered).astype(np.uint8)


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def values(tensor):
    return base64.b64encode(tensor.numpy().astype("<f4").tobytes()).decode()


def case(one):
    source = drawn(*one["from"])
    image = Image.fromarray(source[0] if len(source) == 1 else source.transpose(1, 2, 0))
    mode = "L" if one["channels"] == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    size, crop = one.get("resizeTo"), t.CenterCrop(one["crop"])
    # without a shorter side the picture is stretched
    target, finish = (size, crop) if size else (one["crop"], t.Compose([]))
    found = {}
    for name, mode in filters.items():
        pixels = np.asarray(finish(t.Resize(target, mode)(image)))
        pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        found[name] = sha(pixels)
    tensor = f.to_tensor(image)
    for name, antialias in (("bilinear", False), ("antialiased", True)):
        found[name] = values(finish(f.resize(tensor, target, t.InterpolationMode.BILINEAR, antialias=antialias)))
    return {**one, "expected": found}


cases = [
    {"from": [3, 61, 83], "channels": 3, "resizeTo": 13, "crop": [11, 11]},
    {"from": [3, 83, 61], "channels": 3, "resizeTo": 14, "crop": [11, 11]},  # odd surplus: half to even
    {"from": [1, 20, 31], "channels": 3, "resizeTo": 9, "crop": [12, 7]},  # crop higher than what is there
    {"from": [3, 9, 7], "channels": 1, "resizeTo": 16, "crop": [13, 15]},  # larger than before
    {"from": [3, 40, 12], "channels": 3, "resizeTo": 8, "crop": [6, 10]},  # narrow, and wider than what is there
    {"from": [1, 37, 37], "channels": 1, "resizeTo": 12, "crop": [9, 12]},
    {"from": [3, 12, 15], "channels": 1, "resizeTo": 12, "crop": [8, 8]},  # the right size already
    {"from": [3, 50, 33], "channels": 3, "crop": [11, 14]},
    {"from": [1, 5, 6], "channels": 3, "crop": [12, 9]},
]
# shorter side and crop of the presets, with sizes that do not divide; by hash alone
presets = [
    {"from": [3, 375, 500], "channels": 3, "resizeTo": 256, "crop": [224, 224]},
    {"from": [3, 333, 251], "channels": 3, "resizeTo": 232, "crop": [224, 224]},
    {"from": [3, 200, 301], "channels": 3, "resizeTo": 342, "crop": [299, 299]},
]

if sys.argv[1] == "-":
    print(json.dumps([case(one) for one in json.loads(sys.argv[2])]))
else:
    small = [case(one) for one in cases]
    large = [case(one) for one in presets]
    for one in large:
        for key in ("bilinear", "antialiased"):
            del one["expected"][key]
    made = f"scripts/preprocessing-reference.py: torchvision {torchvision.__version__}, torch {torch.__version__}, Pillow {pillow_version}"
    with open(sys.argv[1], "w") as file:
        json.dump({"made": made, "cases": small + large}, file)
