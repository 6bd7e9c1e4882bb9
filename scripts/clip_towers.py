"""The image towers of CLIP (arXiv:2103.00020) in plain PyTorch, with random weights, for export-networks.py.

Each ends as zero-shot classification does: the embedding is normalised, multiplied with normalised text embeddings
(random rows here) and scaled, so that what comes out are logits [N, 10].
"""

import torch
from torch import nn
from torch.nn import functional

PROMPTS = 10


class ZeroShot(nn.Module):
    """logits = exp(scale) * embedding/|embedding| @ text^T"""

    def __init__(self, tower, embedding):
        super().__init__()
        self.tower = tower
        self.register_buffer("text", functional.normalize(torch.randn(PROMPTS, embedding), dim=-1))
        self.scale = nn.Parameter(torch.tensor(100.0).log())

    def forward(self, image):
        embedding = self.tower(image)
        embedding = embedding / embedding.norm(dim=1, keepdim=True)
        return self.scale.exp() * embedding @ self.text.t()


class Bottleneck(nn.Module):
    """All convolutions have stride 1; the stride is an average pool, in the branch and in the shortcut."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = 4 * width
        pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            pool,
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(pool, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x):
        return torch.relu(self.branch(x) + self.shortcut(x))


class AttentionPool(nn.Module):
    """The mean of all places asks, the places and the mean answer: attention with one query, then a projection."""

    def __init__(self, side, width, heads, outputs):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(side * side + 1, width) / width**0.5)
        self.heads = heads
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.out = nn.Linear(width, outputs)

    def forward(self, x):
        tokens = x.flatten(2).permute(2, 0, 1)  # places, N, width
        tokens = torch.cat([tokens.mean(dim=0, keepdim=True), tokens]) + self.positions[:, None]
        length, n, width = tokens.shape
        split = width // self.heads
        query = self.query(tokens[:1]).view(1, n * self.heads, split).transpose(0, 1) * split**-0.5
        key = self.key(tokens).view(length, n * self.heads, split).transpose(0, 1)
        value = self.value(tokens).view(length, n * self.heads, split).transpose(0, 1)
        weights = torch.softmax(query @ key.transpose(1, 2), dim=-1)
        return self.out((weights @ value).transpose(0, 1).reshape(n, width))


class ModifiedResNet(nn.Module):
    """ResNet-D-like: a stem of three convolutions and an average pool, anti-aliased strides, attention at the end."""

    def __init__(self, layers=(3, 4, 6, 3), width=64, heads=32, outputs=1024, resolution=224):
        super().__init__()
        half = width // 2
        stem = []
        for inputs, outs, stride in [(3, half, 2), (half, half, 1), (half, width, 1)]:
            stem += [nn.Conv2d(inputs, outs, 3, stride, 1, bias=False), nn.BatchNorm2d(outs), nn.ReLU()]
        blocks = []
        inputs = width
        for stage, depth in enumerate(layers):
            for i in range(depth):
                blocks.append(Bottleneck(inputs, width << stage, 2 if stage > 0 and i == 0 else 1))
                inputs = 4 * (width << stage)
        self.stem = nn.Sequential(*stem, nn.AvgPool2d(2))
        self.blocks = nn.Sequential(*blocks)
        self.pool = AttentionPool(resolution // 32, inputs, heads, outputs)

    def forward(self, x):
        return self.pool(self.blocks(self.stem(x)))


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """Pre-norm attention and MLP on [tokens, N, width]."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), QuickGELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self, patch=32, width=768, layers=12, heads=12, outputs=512, resolution=224):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch, bias=False)
        self.token = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positions = nn.Parameter(torch.randn((resolution // patch) ** 2 + 1, width) * width**-0.5)
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.projection = nn.Parameter(torch.randn(width, outputs) * width**-0.5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        token = self.token + torch.zeros(x.shape[0], 1, x.shape[-1], dtype=x.dtype)
        x = self.before(torch.cat([token, x], dim=1) + self.positions)
        x = self.blocks(x.transpose(0, 1)).transpose(0, 1)
        return self.after(x[:, 0]) @ self.projection


TOWERS = {
    "clip_rn50": lambda: ZeroShot(ModifiedResNet(), 1024),
    "clip_vit_b_32": lambda: ZeroShot(VisionTransformer(), 512),
}
