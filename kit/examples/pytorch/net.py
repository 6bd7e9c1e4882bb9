"""The network of the example; yours takes its place."""
from torch import nn


class Net(nn.Module):
    """Four convolutions for 64×64 colour pictures; the last one sees them on an 8×8 grid."""

    def __init__(self, classes):
        super().__init__()
        layers, channels = [], 3
        for width, stride in [(16, 2), (24, 2), (32, 2), (48, 1)]:
            layers += [nn.Conv2d(channels, width, 3, stride, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(channels, classes)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
