"""How far the sweep went with each batch size, and with how many seeds, where not all was run."""

import pandas as pd

from minibatch.summaries.steps import PLAIN
from minibatch.summaries.text import counted


def summarise(tables: dict[str, pd.DataFrame], *, batch_sizes: list[int]) -> pd.DataFrame:
    """One row a batch size that is asked for: its seeds, steps and learning rates.

    All are 0 for a size that was left out, since the budget is not enough for it.
    """
    curves = tables["curves"]
    sizes = curves[curves.variant == PLAIN].groupby("batch_size")
    found = sizes.agg(seeds=("seeds", "max"), steps=("step", "max"))
    found["learning_rates"] = sizes.learning_rate.nunique()
    found = found.reindex(batch_sizes, fill_value=0).rename_axis("batch_size")
    return found.reset_index()


def sentence(swept: pd.DataFrame) -> str:
    """With how many seeds, and without which batch sizes."""
    run = swept[swept.seeds > 0]
    least, most = run.seeds.min(), run.seeds.max()
    seeds = f"{most:,} seeds" if least == most else f"{least:,} to {most:,} seeds"
    said = f"{seeds} and {counted(run.learning_rates.max(), 'learning rate')} a batch size"
    if left_out := [f"{size:,}" for size in swept[swept.seeds == 0].batch_size]:
        said += f"; left out, since the budget is not enough for them: {', '.join(left_out)}"
    return said
