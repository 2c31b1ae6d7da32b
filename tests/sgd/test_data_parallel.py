"""Shares of a batch, and the summary, figure and sheet of measurements written down here."""

import pandas as pd
import pytest
import torch
import torch.distributed as dist

from minibatch.errors import UserError
from minibatch.figures import parallel as figure
from minibatch.report import sheets
from minibatch.sgd import data_parallel
from minibatch.summaries import parallel as summary

COLUMNS = ["device", "ranks", "batch_size", "repeat", "seconds"]
SIZES = [10, 100, 1000]
START = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6]


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 2, 7, 10, 100])
def test_the_shares_are_the_whole_batch_and_differ_by_one_example_at_most(size, ranks):
    shares = [data_parallel.share(torch.arange(size), rank, ranks) for rank in range(ranks)]
    assert torch.cat(shares).tolist() == list(range(size))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("ranks", "size"), [(2, 100), (2, 7), (3, 10), (4, 3)])
def test_the_gradients_of_the_shares_add_up_to_that_of_the_batch(
    examples, monkeypatch, ranks, size
):
    """By hand in float64; what the ranks would exchange is caught here."""
    x, y = (torch.from_numpy(part[:size]) for part in examples)
    found = []

    def catch(gradient, _):
        found.append(gradient.double().clone())
        return gradient

    monkeypatch.setattr(data_parallel, "add_up", catch)
    for rank in range(ranks):
        share = data_parallel.share(torch.arange(size), rank, ranks)
        data_parallel.Model(START, "cpu", None).step(x[share], y[share], size, 0.05)
    ones = torch.column_stack([x, torch.ones(size)]).double()
    start = torch.tensor(START, dtype=torch.float64)
    expected = ones.T @ (ones @ start - y.double()) / size
    torch.testing.assert_close(torch.stack(found).sum(0), expected, rtol=0, atol=1e-6)


def test_a_step_goes_down_the_gradient_and_clears_it(examples):
    x, y = (torch.from_numpy(part[:30]) for part in examples)
    model = data_parallel.Model(START, "cpu", None)
    ones, w = torch.column_stack([x, torch.ones(30)]).double(), torch.tensor(START).double()
    for _ in range(3):
        model.step(x, y, 30, 0.1)
        w = w - 0.1 * ones.T @ (ones @ w - y.double()) / 30
    torch.testing.assert_close(model.parameters.detach().double(), w, rtol=0, atol=1e-6)


TORCHRUN = {"RANK": "0", "WORLD_SIZE": "4", "LOCAL_RANK": "0"}
SRUN = {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "3", "SLURM_LOCALID": "0"}


@pytest.mark.parametrize(
    ("environment", "started"),
    [({}, 1), (TORCHRUN, 4), (SRUN, 3), (SRUN | TORCHRUN, 4), ({"SLURM_PROCID": "0"}, 1)],
)
def test_another_number_of_processes_than_asked_for_is_one_line_with_the_remedy(
    environment, started
):
    ranks = data_parallel.joined(2, "cpu", environment)
    with pytest.raises(
        UserError, match=rf"^2 ranks need 2 processes, and there are {started}: "
    ) as e:
        ranks.__enter__()
    assert "--nproc-per-node=2" in str(e.value)
    assert "\n" not in str(e.value)
    assert not dist.is_initialized()


def test_a_single_rank_needs_no_launcher_and_leaves_nothing_behind():
    with data_parallel.joined(1, "cpu", {}) as rank:
        assert rank == 0
        assert data_parallel.groups([1], "cpu") == {1: None}
    assert not dist.is_initialized()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_gpu_is_touched_only_where_it_is_measured(monkeypatch, device):
    """A driver may be too old for PyTorch, which counts its GPUs all the same."""
    chosen = []
    monkeypatch.setattr(data_parallel.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(data_parallel.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(data_parallel.torch.cuda, "set_device", chosen.append)
    with data_parallel.joined(1, device, {}):
        assert chosen == ([0] if device == "cuda" else [])


def test_ranks_without_a_gpu_of_their_own_are_not_measured_on_gpus(monkeypatch):
    with data_parallel.joined(1, "cpu", {}):
        monkeypatch.setattr(data_parallel, "_gpu", lambda: "GPU-0")
        assert data_parallel.groups([1], "cuda") == {1: None}
        monkeypatch.setattr(data_parallel, "_gpu", lambda: "")
        assert data_parallel.groups([1], "cuda") == {}


def steps(medians, ranks, device="cpu", sizes=SIZES):
    """Three samples a batch size around each median, in seconds."""
    rows = [
        (device, ranks, size, repeat, factor * median)
        for size, median in zip(sizes, medians, strict=True)
        for repeat, factor in enumerate([1, 0.5, 4])
    ]
    return pd.DataFrame(rows, columns=COLUMNS).assign(machine="here")


def summarise(*parts):
    return summary.summarise(dict(enumerate(parts)))


def test_a_row_has_median_range_and_the_speedup_over_one_rank_at_its_size():
    rows = summarise(pd.concat([steps([2, 2, 8], 2), steps([1, 3, 16], 1)]))
    assert rows[["ranks", "batch_size"]].to_numpy().tolist() == [
        [ranks, size] for ranks in (1, 2) for size in SIZES
    ]
    assert list(rows.speedup) == pytest.approx([1, 1, 1, 0.5, 1.5, 2])
    row = rows.iloc[5]
    assert [row.seconds_median, row.seconds_low, row.seconds_high] == [8, 4, 32]
    assert set(rows.samples) == {3}


@pytest.mark.parametrize(
    ("medians", "expected"),
    [
        ([2, 2, 8], [False, True, True]),
        ([0.5, 2, 8], [True, True, True]),
        ([0.5, 4, 8], [False, False, True]),  # not from a size on after which it loses once more
        ([0.5, 2, 17], [False, False, False]),
        ([1, 3, 16], [False, False, False]),
    ],
)
def test_more_ranks_pay_where_they_are_faster_there_and_at_all_larger_sizes(medians, expected):
    rows = summarise(steps([1, 3, 16], 1), steps(medians, 2))
    assert list(rows[rows.ranks == 2].pay) == expected
    assert not rows[rows.ranks == 1].pay.any()
    first = summary.break_even(rows).batch_size.tolist()
    assert first == ([SIZES[expected.index(True)]] if any(expected) else [])


def test_devices_are_compared_with_themselves():
    parts = [steps([1, 3, 16], 1), steps([2, 2, 8], 2)]
    parts += [steps([0.1] * 3, 1, "cuda"), steps([0.2] * 3, 2, "cuda")]
    rows = summarise(*parts).set_index(["device", "ranks"])
    assert list(rows.loc["cuda", 2].speedup) == pytest.approx([0.5] * 3)
    assert list(rows.loc["cpu", 2].speedup) == pytest.approx([0.5, 1.5, 2])


def draw(*parts):
    made = figure.draw({"parallel": summarise(*parts)})
    made.draw_without_rendering()
    return made


def texts(made):
    return [text.get_text() for axes in made.axes for text in axes.texts]


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        (
            [steps([2, 2, 8], 2)],
            "A second rank pays from batch size 100 on: 2× as fast at 1,000",
        ),
        ([steps([2, 3, 17], 2)], "No batch size up to 1,000 makes a second rank pay here"),
        ([], "One rank alone was measured"),
        (
            [steps([2, 2, 8], 4), steps([9, 9, 9], 3)],
            "3 ranks pay from batch size 1,000 on: 1.8× as fast at 1,000",
        ),
        (
            [steps([2, 2, 8], 2), steps([1, 1, 1], 1, "cuda"), steps([3, 3, 3], 2, "cuda")],
            "On cpu: a second rank pays from batch size 100 on: 2× as fast at 1,000; "
            "on cuda: no batch size up to 1,000 makes a second rank pay here",
        ),
    ],
)
def test_the_title_says_from_where_on_more_ranks_pay(parts, title):
    made = draw(steps([1, 3, 16], 1), *parts)
    assert made.get_suptitle().replace("\n", " ") == title


def test_the_curves_are_milliseconds_by_ranks_and_the_break_even_is_marked():
    made = draw(steps([1, 3, 16], 1), steps([2, 2, 8], 2), steps([3, 3, 7], 4))
    times, speedups = made.axes
    curves = [container[0] for container in times.containers]
    assert [list(curve.get_ydata()) for curve in curves] == [
        [1000, 3000, 16000],
        [2000, 2000, 8000],
        [3000, 3000, 7000],
    ]
    assert [line.get_xdata()[0] for line in speedups.lines[-2:]] == [100, 1000]
    assert texts(made) == ["2 ranks from 100 on", "4 ranks from 1,000 on"]
    [legend] = made.legends
    assert [text.get_text() for text in legend.get_texts()] == ["1 rank", "2 ranks", "4 ranks"]


@pytest.mark.parametrize("medians", [[0.1] * 3, [2, 2, 8], [2, 4, 8]])
def test_the_marks_lie_within_their_panel_and_not_on_each_other(medians):
    made = draw(steps([1, 3, 16], 1), steps(medians, 2), steps(medians, 4))
    boxes = [text.get_window_extent() for text in made.axes[1].texts]
    assert len(boxes) == 2
    assert all(made.bbox.x0 < box.x0 and box.x1 < made.bbox.x1 for box in boxes)
    assert not boxes[0].overlaps(boxes[1])


def test_the_sheet_has_a_row_a_case():
    shown = sheets.parallel(summarise(steps([1e-3, 3e-3, 16e-3], 1), steps([2e-3, 2e-3, 8e-3], 2)))
    assert shown["rows"][0] == ["cpu", "1", "10", "3", "1", "0.5 to 4", "1", "–"]
    assert shown["rows"][3:] == [
        ["cpu", "2", "10", "3", "2", "1 to 8", "0.5", "no"],
        ["cpu", "2", "100", "3", "2", "1 to 8", "1.5", "yes"],
        ["cpu", "2", "1000", "3", "8", "4 to 32", "2", "yes"],
    ]
