"""The products that the chapter has: their size, the width of their blocks, and their rows."""

import numpy as np
import pandas as pd

from minibatch.sgd.strategies import STRATEGIES

N, BLOCK = 256, 64


def products(matmul: pd.DataFrame) -> pd.DataFrame:
    """The rows of N×N products by a strategy in float32, of block products those with BLOCK."""
    block = np.where(matmul.strategy == "block", BLOCK, 0)
    chosen = (matmul.n == N) & (matmul.block == block) & (matmul.precision == "float32")
    return matmul[chosen & matmul.strategy.isin(list(STRATEGIES))]
