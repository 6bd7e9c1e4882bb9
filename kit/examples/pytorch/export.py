"""A PyTorch checkpoint as an ONNX model and its card:  python3 export.py checkpoint.pt shapes-cnn"""
import json
import sys

import torch

from net import Net  # your own class

checkpoint, name = sys.argv[1:]
classes = ["circle", "square", "triangle", "cross"]
mean, std = [0.522, 0.519, 0.52], [0.144, 0.144, 0.144]  # what training subtracted and divided by, pixels in [0, 1]

net = Net(len(classes))
net.load_state_dict(torch.load(checkpoint, map_location="cpu"))
net.eval()  # batch normalisation and dropout as in use
torch.onnx.export(
    net,
    torch.zeros(1, 3, 64, 64),
    f"{name}.onnx",
    opset_version=17,
    input_names=["image"],
    output_names=["logits"],  # scores before softmax
    dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
)
card = {
    "id": name,
    "architecture": "plain-cnn",
    "family": "cnn",
    "classes": classes,
    "input": {"mean": mean, "std": std, "resize": {"method": "pillow-bilinear"}},
    "training": {"seed": 1, "data": "phantom-shapes, edition 1, train split"},
}
with open(f"{name}.card.json", "w") as file:
    json.dump(card, file, indent=2)
print(f"{name}.onnx: {sum(p.numel() for p in net.parameters()):,} parameters, {len(classes)} classes")
