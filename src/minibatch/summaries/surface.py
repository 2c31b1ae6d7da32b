"""Exercise 1: how far the loss falls, and how soon, by batch size and learning rate."""

import pandas as pd

from minibatch.summaries import steps

EPOCHS = 2  # as many as the chapter's minibatch runs have


def summarise(tables: dict[str, pd.DataFrame], *, targets: list[dict]) -> pd.DataFrame:
    """One row for each batch size and learning rate of the sweep: means over all its seeds.

    `excess` is the loss above the floor after two epochs, infinite where a seed has diverged, and
    `steps` from when on the mean loss stays at the first target, infinite where it does not.
    """
    floor = tables["problem"].floor.iloc[0]
    [(name, goal)] = steps.losses(targets[:1], tables["problem"]).items()
    curves = tables["curves"]
    found = []
    for size, rows in curves[curves.variant == steps.PLAIN].groupby("batch_size"):
        losses = rows.pivot(index="step", columns="learning_rate", values="mean_loss")
        epoch = -(-int(tables["problem"].examples.iloc[0]) // size)
        # without a number where the sweep has ended before
        after = losses.reindex([EPOCHS * epoch]).to_numpy()[0]
        ends = steps.ends(losses.index.to_numpy())
        reached = ends[steps.since((losses.to_numpy() <= goal).T)]
        found.append(
            pd.DataFrame(
                {
                    "batch_size": size,
                    "learning_rate": losses.columns,
                    "target": name,
                    "epochs": EPOCHS,
                    "excess": after - floor,
                    "steps": reached,
                }
            )
        )
    return pd.concat(found) if found else pd.DataFrame(columns=COLUMNS)


COLUMNS = ["batch_size", "learning_rate", "target", "epochs", "excess", "steps"]
