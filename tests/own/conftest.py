import textwrap

import pytest

from minibatch.own.contract import Contract

LEAST_SQUARES = """
    import torch

    def model():
        return torch.nn.Linear(3, 1)

    def data():
        draws = torch.Generator().manual_seed(0)
        x = torch.randn(60, 3, generator=draws)
        noise = torch.randn(60, 1, generator=draws)
        return x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3 * noise

    def loss(model, batch):
        x, y = batch
        return ((model(x) - y) ** 2).mean() / 2
"""


@pytest.fixture
def least_squares(tmp_path):
    """A model file with a known answer; called with further lines, the contract that it is."""

    def made(more=""):
        path = tmp_path / "least_squares.py"
        path.write_text(textwrap.dedent(LEAST_SQUARES) + more)
        return Contract(path)

    return made
