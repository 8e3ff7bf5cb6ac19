#!/usr/bin/env python3
"""Trains the digits example and writes its files beside this script.

Data: scikit-learn's handwritten digits (1,797 scans of 8 × 8 pixels, values 0 to 16). A fifth of each class, chosen by a
fixed seed, is held out: the network never sees it, and heldout/ keeps it as PNG for classify.c.
Needs: torch, onnx, scikit-learn, pillow. Takes about half a minute.
"""
import pathlib
import shutil

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = pathlib.Path(__file__).parent


def network():
    """Three convolutions and two fully connected layers over a 1 × 8 × 8 image in [0, 1]."""
    block = lambda i, o: nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())
    return nn.Sequential(block(1, 32), block(32, 64), nn.MaxPool2d(2), block(64, 64), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(256, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10))


def shifted(x):
    """Each image of the batch moved by up to one pixel: the only augmentation."""
    moves = torch.randint(-1, 2, (len(x), 2))
    return torch.stack([torch.roll(i, (int(a), int(b)), (1, 2)) for i, (a, b) in zip(x, moves)])


def train(model, x, y):
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40)
    for _ in range(40):
        model.train()
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(shifted(x[batch])), y[batch]).backward()
            optimiser.step()
        schedule.step()
    return model.eval()


def write_heldout(x, y):
    folder = HERE / "heldout"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for index, (image, label) in enumerate(zip(x, y)):
        pixels = np.round(image[0] * 16).astype(np.uint8) * 15
        Image.fromarray(pixels).save(folder / f"{label}_{index:03d}.png", optimize=True)


def main():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    x, held_x, y, held_y = train_test_split(images, digits.target, test_size=0.2, random_state=3, stratify=digits.target)
    model = train(network(), torch.from_numpy(x), torch.from_numpy(y))
    with torch.no_grad():
        right = (model(torch.from_numpy(held_x)).argmax(1).numpy() == held_y).mean()
        model = nn.Sequential(model, nn.Softmax(1)).eval()
        sample = torch.from_numpy(held_x[:1])
        torch.onnx.export(model, sample, str(HERE / "digits.onnx"), opset_version=17, dynamo=False, input_names=["image"],
                          output_names=["probability"], dynamic_axes={"image": {0: "n"}, "probability": {0: "n"}})
        torch.jit.trace(model, sample).save(str(HERE / "digits.pt"))
    write_heldout(held_x, held_y)
    print(f"held-out accuracy {100 * right:.1f} % on {len(held_y)} images")


if __name__ == "__main__":
    main()
