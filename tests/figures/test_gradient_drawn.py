"""The noise of gradients, drawn from tables that are written down here."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.figures import gradient_noise

WAY = pd.DataFrame({"loss": [0.45, 0.25], "excess": [0.25, 0.05], "noise_scale": [20.0, 300.0]})
STEPS = pd.DataFrame({"target": ["0.25", "0.25", "1 %"], "target_loss": [0.25, 0.25, 0.202]})
FITS = pd.DataFrame({"target": ["0.25", "1 %"], "batch_sizes": [5, 0]})
FITS = FITS.assign(critical_batch_size=[90.0, np.nan], critical_batch_size_low=80.0)
FITS = FITS.assign(critical_batch_size_high=110.0)


def draw(law=None, fits=FITS):
    law = builders.law() if law is None else law
    return gradient_noise.draw(
        {"gradient_law": law, "gradient_noise": WAY, "critical": fits, "steps": STEPS}
    )


def test_lines_are_by_the_law_of_each_sampling_and_points_at_the_start_as_drawn():
    law = builders.law()
    law.loc[law.point == "optimum", ["exact", "sampled"]] = 9.0
    left = draw(law).axes[0]
    replaced, permuted = (line for line in left.lines if len(line.get_xdata()) == 200)
    sizes = replaced.get_xdata()
    assert (sizes[0], sizes[-1]) == (1, pytest.approx(1499))
    assert replaced.get_ydata() == pytest.approx(2 / np.sqrt(sizes))
    assert permuted.get_ydata() == pytest.approx(2 * np.sqrt((1500 - sizes) / sizes / 1499))
    drawn = [bars.lines[0].get_xydata() for bars in left.containers]
    assert drawn[0] == pytest.approx(np.array([(b, 2 / b**0.5) for b in (1, 10, 100, 1500)]))
    assert np.isfinite(drawn[1][:, 1]).tolist() == [True, True, True, False]


def test_the_critical_batch_size_of_a_loss_stands_where_that_is_above_the_floor():
    right = draw().axes[1]
    assert right.lines[0].get_xydata().tolist() == [[0.25, 20], [0.05, 300]]
    [bars] = right.containers
    assert bars.lines[0].get_xydata() == pytest.approx(np.array([[0.05, 90]]))
    assert right.get_xlim()[0] > right.get_xlim()[1]  # towards the floor


def test_without_any_critical_batch_size_there_is_none():
    assert draw(fits=FITS.assign(batch_sizes=0)).axes[1].containers == []


def test_the_title_says_whether_drawn_batches_vary_as_computed():
    title = draw().get_suptitle().replace("\n", " ")
    assert title.startswith("Gradients of 2,000 drawn batches vary as computed at every size; ")
    assert title.endswith("goes from 20 at the start to 300 at 25.0% above the floor")
    law = builders.law()
    law.loc[law.batch_size == 100, ["sampled", "sampled_high"]] = 0.19
    assert "vary as computed but for those of 100; " in draw(law).get_suptitle().replace("\n", " ")
