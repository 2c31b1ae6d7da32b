"""What the time of the chapter's runs, by its own clock, is made of."""

from itertools import pairwise

import numpy as np
import pandas as pd

from minibatch.sgd.protocols import BOOK, WITHOUT
from minibatch.summaries.intervals import over_launches
from minibatch.summaries.protocol import means

WHOLE, REST, DIFFERENCE = "whole", "arithmetic", "difference"
PARTS = [*WITHOUT, REST]
COLUMNS = ["machine", "of", "part", "seconds", "seconds_low", "seconds_high", "share"]


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each part of a run's seconds per epoch, and of the difference of the two runs.

    `of` is the run's batch size or "difference", full batch less the other. What is switched off,
    one after the other, has what an epoch takes less without it; "arithmetic" is what remains,
    the steps and their calls. The parts of a launch add up to its "whole". Means over launches
    with their 95 % intervals; `share` of the whole, NaN where its interval holds 0.
    """
    samples = tables["samples"]
    averages = means(samples)
    sizes = sorted(set(samples.batch_size), reverse=True)
    parts = {str(size): _parts(averages[size]) for size in sizes}
    full, small = parts.values()
    parts[DIFFERENCE] = full - small
    machine = "+".join(sorted(set(samples.machine)))
    rows = [
        {"machine": machine, "of": name, "part": part, **_statistics(frame, part)}
        for name, frame in parts.items()
        for part in frame
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _parts(averages: pd.DataFrame) -> pd.DataFrame:
    """The parts of a run in each launch, from its means by protocol."""
    ways = [BOOK, *WITHOUT.values()]
    totals = [averages[way] for way in ways]
    less = [before - after for before, after in pairwise(totals)]
    found = [totals[0], *less, totals[-1]]
    return pd.DataFrame(dict(zip([WHOLE, *PARTS], found, strict=True)))


def _statistics(frame: pd.DataFrame, part: str) -> dict[str, float]:
    """Mean and interval of a part, and its share of the whole."""
    mean, low, high = over_launches(frame[part])
    whole, least, most = over_launches(frame[WHOLE])
    share = np.nan if least <= 0 <= most else mean / whole
    return {"seconds": mean, "seconds_low": low, "seconds_high": high, "share": share}
