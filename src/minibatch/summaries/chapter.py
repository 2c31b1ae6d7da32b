"""What the chapter has: its examples, and the size, block width and rows of its products."""

import numpy as np
import pandas as pd

from minibatch.sgd.strategies import STRATEGIES, flop

EXAMPLES = 1500  # of the dataset, in every run
N, BLOCK = 256, 64
GFLOP = flop(N) / 1e9


def by_strategy(matmul: pd.DataFrame) -> pd.DataFrame:
    """The rows of products by a strategy in float32, without the ceilings, of whatever size."""
    return matmul[matmul.strategy.isin(list(STRATEGIES)) & (matmul.precision == "float32")]


def products(matmul: pd.DataFrame) -> pd.DataFrame:
    """The rows of N×N products by a strategy in float32, of block products those with BLOCK."""
    rows = by_strategy(matmul)
    block = np.where(rows.strategy == "block", BLOCK, 0)
    return rows[(rows.n == N) & (rows.block == block)]
