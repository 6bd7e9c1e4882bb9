#!/usr/bin/python3
"""Trains the models that come with the kit: four small architectures on each of the four phantoms.

  node scripts/draw-phantoms.ts PHANTOMS
  python3 scripts/train-bundled.py PHANTOMS kit/models [cxr-resnet ...]
  python3 scripts/train-bundled.py PHANTOMS kit/models/studies cxr-resnet --epochs 8 --alpha 0
  python3 scripts/train-bundled.py PHANTOMS kit/models/studies cxr-resnet --epochs 8 --alpha 1

OUT gets <domain>-<style>.onnx (opset 17, free batch, logits), <domain>-<style>.card.json and, for all of them, models.json: seed, epochs,
accuracy on the test split, size and checksum. Mean and std are the card's, not the graph's. One thread and seeded: a second run on the same
machine and torch gives the same weights.

With --alpha the explanation is trained too: alpha times the share of the input gradient's energy that lies outside the mask. All else, random
numbers included, is as without: the model without it is alpha 0. Files are called cxr-resnet-alpha-1, are for studies alone, and models.json
tells what both parts of the loss came to, and the share on the test split.

Needs only torch (Debian: python3-torch 1.13). Nothing is downloaded.
"""

import argparse
import hashlib
import json
import pathlib
import re
import sys
import time
import warnings

STYLES = ["resnet", "densenet", "vit", "clip"]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("phantoms", type=pathlib.Path, help="folder that draw-phantoms.ts wrote")
parser.add_argument("out", type=pathlib.Path, help="folder to write to")
parser.add_argument("models", nargs="*", help="default: all")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--alpha", type=float, help="weight of an explanation loss, 0 to measure alone; not for clip")
parser.add_argument("--epochs", type=int, help="default: 12; 18 with attention; twice that for shapes and cxr, which are harder")
arguments = parser.parse_args()  # before torch is imported: --help answers everywhere

import numpy
import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")  # the exporter's, about shapes it cannot infer and the kit can
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def conv(inputs, outputs, size=3, stride=1):
    return nn.Conv2d(inputs, outputs, size, stride, padding=(size - 1) // 2, bias=False)


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.norm1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.second, self.norm2 = conv(outputs, outputs), nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return F.relu(self.skip(x) + self.norm2(self.second(F.relu(self.norm1(self.first(x))))))


class ResNet(nn.Module):
    """1512.03385: normalisation after each convolution, which export folds into its weights."""

    def __init__(self, channels, classes):
        super().__init__()
        self.stem = nn.Sequential(conv(channels, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 48, 2))
        self.head = nn.Linear(48, classes)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Dense(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), conv(inputs, growth)

    def forward(self, x):
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], 1)


class DenseNet(nn.Module):
    """1608.06993: normalisation before each convolution, so BatchNormalization stays in the graph."""

    def __init__(self, channels, classes, growth=12):
        super().__init__()
        width, layers = 24, [conv(channels, 24, 3, 2), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2)]
        for block, count in enumerate([4, 5]):
            if block > 0:
                layers += [nn.BatchNorm2d(width), nn.ReLU(), conv(width, width // 2, 1), nn.AvgPool2d(2)]
                width //= 2
            for _ in range(count):
                layers.append(Dense(width, growth))
                width += growth
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """Attention spelled out: torch's own exports as one node only from torch 2 on."""

    def __init__(self, tokens, width, heads, activation):
        super().__init__()
        self.tokens, self.heads, self.depth = tokens, heads, width // heads
        self.norm1, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), activation(), nn.Linear(2 * width, width))

    def forward(self, x):
        qkv = self.qkv(self.norm1(x)).reshape(-1, self.tokens, 3, self.heads, self.depth)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        attention = (q @ k.transpose(-2, -1) * self.depth**-0.5).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(-1, self.tokens, self.heads * self.depth))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """2010.11929 with a class token. Patches come from three convolutions (2106.14881): it learns from 4,000 pictures."""

    def __init__(self, channels, activation, before, width=40, depth=3, heads=4):
        super().__init__()
        self.patches = nn.Sequential(
            *[conv(channels, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU()],
            *[conv(16, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU()],
            nn.Conv2d(32, width, 2, 2),
        )
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 65, width))
        self.before = nn.LayerNorm(width) if before else nn.Identity()
        self.blocks = nn.Sequential(*[Block(65, width, heads, activation) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        patches = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(patches.shape[0], -1, -1), patches], 1) + self.position
        return self.norm(self.blocks(self.before(tokens))[:, 0])


class ViT(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.encoder, self.head = Transformer(channels, nn.GELU, before=False), nn.Linear(40, classes)

    def forward(self, x):
        return self.head(self.encoder(x))


SMOOTHING = 0.1
TEMPLATES = ["a picture of {}", "{} in a small picture", "this shows {}", "{}"]


class CLIP(nn.Module):
    """2103.00020: a vision transformer and a (tiny) text encoder trained to agree. Exported: the image side, and the classes as text embeddings."""

    def __init__(self, channels, names, width=32):
        super().__init__()
        self.encoder = Transformer(channels, QuickGELU, before=True)
        self.project = nn.Linear(40, width, bias=False)
        prompts = [[template.format(name).split() for name in names] for template in TEMPLATES]
        words = sorted({word for of in prompts for prompt in of for word in prompt})
        self.words = nn.EmbeddingBag(len(words), width, mode="mean")
        self.text = nn.Sequential(nn.Linear(width, 2 * width), QuickGELU(), nn.Linear(2 * width, width))
        self.prompts = [[torch.tensor([words.index(word) for word in prompt]) for prompt in of] for of in prompts]
        self.scale = nn.Parameter(torch.tensor(10.0).log())
        self.classes = None

    def embeddings(self, template):
        prompts = self.prompts[template]
        starts = torch.tensor([0] + [len(p) for p in prompts[:-1]]).cumsum(0)
        return F.normalize(self.text(self.words(torch.cat(prompts), starts)), dim=-1)

    def loss(self, x, labels, rng):
        logits = self(x, self.embeddings(int(rng.integers(len(TEMPLATES)))))
        own = F.one_hot(labels, logits.shape[1]).float()
        # and the other way round: each text against the pictures of the batch that it describes
        back = -(F.log_softmax(logits, 0) * own / own.sum(0).clamp(min=1)).sum(0).mean()
        return (F.cross_entropy(logits, labels, label_smoothing=SMOOTHING) + back) / 2

    def freeze(self):
        """The classes' embeddings, over all templates, and the scale become constants."""
        self.classes = F.normalize(sum(self.embeddings(t) for t in range(len(TEMPLATES))), dim=-1).detach()
        self.factor = float(self.scale.detach().exp())

    def forward(self, x, classes=None):
        image = F.normalize(self.project(self.encoder(x)), dim=-1)
        if classes is not None:
            return self.scale.exp().clamp(max=100) * image @ classes.T
        return self.factor * (image @ self.classes.T)


FACTS = {
    "resnet": ("resnet-mini", "cnn", lambda c, names: ResNet(c, len(names))),
    "densenet": ("densenet-mini", "cnn", lambda c, names: DenseNet(c, len(names))),
    "vit": ("vit-mini", "transformer", lambda c, names: ViT(c, len(names))),
    "clip": ("clip-vit-mini", "contrastive", CLIP),
}


def load(domain, split, *what):
    return [torch.from_numpy(numpy.load(arguments.phantoms / f"{domain}-{split}-{of}.npy")) for of in what]


def outside(net, x, labels, masks):
    """Logits, and of each picture the share of the energy of its logit's input gradient that lies outside the mask (as 1703.03717, of a share,
    so that a flat gradient is not rewarded). It can be differentiated once more."""
    x = x.detach().requires_grad_()
    logits = net(x)
    (gradient,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), x, create_graph=net.training)
    energy = gradient.square().sum(1)
    return logits, (energy * (masks == 0)).sum((1, 2)) / (energy.sum((1, 2)) + 1e-12)


def augmented(x, rng, colours):
    """Mirrored and turned, each picture for itself; moved by up to four pixels, the batch together; and every other picture loses a
    rectangle to the mean colour (Cutout, 1708.04552): that colour hides things in evaluations, so a model should have met it. Channels
    beyond the colours are moved along, and lose nothing."""
    for axes in [lambda x: x.flip(3), lambda x: x.flip(2), lambda x: x.transpose(2, 3)]:
        chosen = torch.from_numpy(rng.random(len(x)) < 0.5)
        x = torch.where(chosen[:, None, None, None], axes(x), x)
    dx, dy = (int(v) for v in rng.integers(-4, 5, 2))
    x = torch.roll(F.pad(x, (4, 4, 4, 4), mode="replicate"), (dy, dx), (2, 3))[:, :, 4:-4, 4:-4].clone()
    for picture in x[::2]:
        (top, left), (height, width) = rng.integers(0, 56, 2), rng.integers(8, 41, 2)
        picture[:colours, top : top + height, left : left + width] = 0
    return x


def accuracy(net, normalise, images, labels):
    net.eval()
    with torch.no_grad():
        hits = [net(normalise(x)).argmax(1) == y for x, y in zip(images.split(64), labels.split(64))]
    return float(torch.cat(hits).float().mean())


def train(domain, style, names, channels):
    torch.manual_seed(arguments.seed)
    rng = numpy.random.default_rng(arguments.seed)
    images, labels = load(domain, "train", "images", "labels")
    masks = load(domain, "train", "masks")[0] if arguments.alpha else None
    mean = [round(float(v), 3) for v in (images.double().mean((0, 2, 3)) / 255)]
    std = [round(float(v), 3) for v in ((images.double() / 255).transpose(0, 1).flatten(1).std(1))]

    def normalise(x):
        return (x.float() / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]

    architecture, family, build = FACTS[style]
    net = build(channels, names)
    batch, steps = 50, len(images) // 50
    epochs = arguments.epochs or (12 if family == "cnn" else 18) * (2 if domain in ("shapes", "cxr") else 1)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 0.004 if family == "cnn" else 0.002, epochs=epochs, steps_per_epoch=steps
    )
    for epoch in range(epochs):
        start, total, beside = time.time(), 0.0, 0.0
        net.train()
        for chosen in torch.from_numpy(rng.permutation(len(images))).split(batch):
            x, y = normalise(images[chosen]), labels[chosen]
            if masks is not None:
                x = augmented(torch.cat([x, masks[chosen][:, None].float()], 1), rng, channels)
                logits, share = outside(net, x[:, :channels], y, x[:, channels])
                loss = F.cross_entropy(logits, y, label_smoothing=SMOOTHING) + arguments.alpha * share.mean()
                beside += float(share.detach().mean())
            else:
                x = augmented(x, rng, channels)
                loss = net.loss(x, y, rng) if style == "clip" else F.cross_entropy(net(x), y, label_smoothing=SMOOTHING)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss)
        print(f"{domain}-{style} epoch {epoch}: loss {total / steps:.3f}, {time.time() - start:.0f} s", flush=True)
    losses = {"loss": round(total / steps, 4), **({} if masks is None else {"explanationLoss": round(beside / steps, 4)})}
    if style == "clip":
        net.freeze()
    net.eval()
    card = {
        "$schema": "https://xai-kit.org/schemas/model-card/v1.schema.json",
        "id": f"{domain}-{style}",
        "architecture": architecture,
        "family": family,
        "task": "multi-class",
        "classes": names,
        "input": {
            "name": "image",
            "height": 64,
            "width": 64,
            "mean": mean,
            "std": std,
            "resize": {"method": "bilinear"},
        },
        "output": {"name": "logits"},
        "training": {"seed": arguments.seed, "data": f"phantom-{domain}, edition 1, train split"},
    }
    reached = {split: accuracy(net, normalise, *load(domain, split, "images", "labels")) for split in ["val", "test"]}
    if arguments.alpha is not None:
        card["id"] += f"-alpha-{arguments.alpha:g}".replace(".", "-")
        if arguments.alpha > 0:
            card["training"]["explanationLoss"] = {"formulation": "input-gradient", "alpha": arguments.alpha}
        test = [part.split(64) for part in load(domain, "test", "images", "labels", "masks")]
        shares = [outside(net, normalise(x), y, m)[1].detach() for x, y, m in zip(*test)]
        reached["explained"] = {**losses, "testOutside": round(float(torch.cat(shares).mean()), 4)}
    return net, card, epochs, reached


def as_json(value):
    """As the repository's formatter leaves it: arrays of plain values on one line."""
    text = json.dumps(value, indent=2)
    return re.sub(r"\[[^][{}]*\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text) + "\n"


def main():
    arguments.out.mkdir(parents=True, exist_ok=True)
    domains = json.loads((arguments.phantoms / "domains.json").read_text())
    everything = [f"{domain}-{style}" for domain in domains for style in STYLES]
    unknown = set(arguments.models) - set(everything)
    if unknown:
        sys.exit(f"error: no model {', '.join(sorted(unknown))}\n  next: one of {', '.join(everything)}")
    if arguments.alpha is not None and any(name.endswith("-clip") for name in arguments.models or everything):
        sys.exit("error: --alpha is not for clip, whose loss is another\n  next: name the models that are meant")
    poor = []
    for name in arguments.models or everything:
        domain, style = name.split("-")
        classes, channels = domains[domain]["classes"], domains[domain]["channels"]
        net, card, epochs, reached = train(domain, style, classes, channels)
        name = card["id"]
        path = arguments.out / f"{name}.onnx"
        torch.onnx.export(
            net,
            torch.zeros(2, channels, 64, 64),
            str(path),
            opset_version=17,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        )
        path.with_suffix(".card.json").write_text(as_json(card))
        content = path.read_bytes()
        record = {
            "id": name,
            "dataset": f"phantom-{domain}",
            "seed": arguments.seed,
            "epochs": epochs,
            "parameters": sum(p.numel() for p in net.parameters()),
            "valAccuracy": round(reached["val"], 4),
            "testAccuracy": round(reached["test"], 4),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            **({"alpha": arguments.alpha, **reached["explained"]} if "explained" in reached else {}),
        }
        ledger = arguments.out / "models.json"
        known = json.loads(ledger.read_text()) if ledger.exists() else []
        records = {entry["id"]: entry for entry in [*known, record]}
        order = [i for i in everything if i in records]
        ledger.write_text(as_json([records[i] for i in [*order, *sorted(set(records) - set(order))]]))
        print(json.dumps(record), flush=True)
        if reached["test"] < 0.9:
            poor.append(name)
    if poor:
        sys.exit(f"error: below 0.9 on the test split: {', '.join(poor)}")


main()
