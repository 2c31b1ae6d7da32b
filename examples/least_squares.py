"""Linear regression on the airfoil data, where everything about the loss is known exactly.

    make answer MODEL=examples/least_squares.py

Data: NASA airfoil self-noise, UCI dataset 291, CC BY 4.0, doi 10.24432/C5VW2C.
"""

from pathlib import Path

import numpy as np
import torch

target_loss = 0.25  # the least is 0.2417
learning_rate, batch_size = 0.1, 100  # the rate that suits this batch size


def model():
    return torch.nn.Linear(5, 1)


def data():
    table = np.loadtxt(Path(__file__).with_name("airfoil_self_noise.dat"), dtype=np.float32)
    table = torch.from_numpy((table - table.mean(0)) / table.std(0))[:1500]
    return table[:, :-1], table[:, -1:]


def loss(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean() / 2
