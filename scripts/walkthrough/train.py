#!/usr/bin/python3
"""Trains the checkpoint that the walkthrough begins with, on drawn shapes:  train.py PHANTOMS checkpoint.pt

PHANTOMS is what scripts/draw-phantoms.ts wrote. Two minutes on one core; seeded.
"""
import pathlib
import sys

import numpy
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "kit" / "examples" / "pytorch"))
from net import Net

phantoms, out = pathlib.Path(sys.argv[1]), sys.argv[2]
torch.manual_seed(1)
torch.set_num_threads(1)
mean, std = torch.tensor([0.522, 0.519, 0.52]).view(3, 1, 1), 0.144


def load(split):
    pictures = torch.from_numpy(numpy.load(phantoms / f"shapes-{split}-images.npy")).float() / 255
    return (pictures - mean) / std, torch.from_numpy(numpy.load(phantoms / f"shapes-{split}-labels.npy"))


x, y = load("train")
net = Net(4)
epochs, batch = 24, 50
optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.006, epochs=epochs, steps_per_epoch=len(x) // batch)
for epoch in range(epochs):
    print(f"epoch {epoch + 1} of {epochs}", flush=True)
    for chosen in torch.randperm(len(x)).split(batch):
        picture = x[chosen]
        if torch.rand(()) < 0.5:
            picture = picture.flip(3)
        shift = [int(v) for v in torch.randint(-4, 5, (2,))]
        loss = F.cross_entropy(net(picture.roll(shift, (2, 3))), y[chosen], label_smoothing=0.1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
net.eval()
with torch.no_grad():
    x, y = load("test")
    print(f"accuracy on the test split: {(net(x).argmax(1) == y).float().mean():.3f}")
torch.save(net.state_dict(), out)
