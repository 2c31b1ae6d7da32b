"""A small convolutional network on scikit-learn's handwritten digits, by a DataLoader.

make answer MODEL=examples/digits.py
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

target_loss = 0.2


def model():
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64, 10)),
    )


def data():
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    return DataLoader(TensorDataset(images, torch.tensor(labels)))


def loss(model, batch):
    images, labels = batch
    return nn.functional.cross_entropy(model(images), labels)
