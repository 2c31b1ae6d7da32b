"""A network of two hidden layers on the airfoil data; the learning rate is found by the pipeline.

    make answer MODEL=examples/mlp.py

Data: NASA airfoil self-noise, UCI dataset 291, CC BY 4.0, doi 10.24432/C5VW2C.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

target_loss = 0.15


def model():
    return nn.Sequential(
        nn.Linear(5, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
    )


def data():
    table = np.loadtxt(Path(__file__).with_name("airfoil_self_noise.dat"), dtype=np.float32)
    table = torch.from_numpy((table - table.mean(0)) / table.std(0))
    return table[:, :-1], table[:, -1:]


def loss(model, batch):
    x, y = batch
    return nn.functional.mse_loss(model(x), y) / 2
