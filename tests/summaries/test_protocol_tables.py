"""The chapter's runs by its own clock, from seconds that are written down here."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.figures import protocol as figure
from minibatch.report import sheets
from minibatch.sgd.protocols import BOOK, PROTOCOLS, WITHOUT, Protocol, Run
from minibatch.summaries import protocol, protocol_parts
from minibatch.summaries.intervals import over_launches

FULL, SMALL = Run(1500, 10, 1.0), Run(100, 2, 0.4)
# Milliseconds per epoch by the book's protocol, in the mean, and with ever less beside the steps;
# and what a full collection takes, which falls into the last of three runs by the book's.
MS = {FULL: [21.0, 6.5, 6.0, 1.0], SMALL: [16.0, 13.0, 8.0, 3.5]}
PAUSE = {FULL: 43.5, SMALL: 9.0}
NOISE = [30, -5, -15, 30, -15]
PUBLISHED = pd.DataFrame(
    [
        ["pytorch", "scratch", 1500, 1.0, 10, "seconds_per_epoch", 0.036],
        ["pytorch", "scratch", 1500, 1.0, 10, "loss", 0.249],
        ["tensorflow", "scratch", 1500, 1.0, 10, "seconds_per_epoch", 0.027],
        ["pytorch", "scratch", 100, 0.4, 2, "seconds_per_epoch", 0.028],
    ],
    columns=[
        *("framework", "implementation", "batch_size", "learning_rate", "epochs"),
        *("quantity", "value"),
    ],
)


def samples(launches=5, spread=0.01, ms=MS, extra=(0, 0, 0, 0, 0)):
    """Launches of three runs by the book's protocol, and of one by each other.

    `extra` are milliseconds to add to those of the full batch by the book's, in each launch.
    """
    random, parts = np.random.default_rng(0), []
    for launch in range(launches):
        part = builders.clocked([FULL, SMALL], repeats=3, launch=launch)
        slow = np.exp(spread * random.standard_normal())
        seconds = []
        for row in part.to_dict("records"):
            run = Run(*(row[name] for name in Run._fields))
            way = Protocol(*(row[name] for name in Protocol._fields))
            took = ms[run][PROTOCOLS.index(way)]
            if way == BOOK:
                took += PAUSE[run] * ((row["repeat"] == 2) - 1 / 3) + extra[launch] * (run == FULL)
            seconds.append(1e-3 * slow * took * run.epochs)
        last = (part["repeat"] == 2).astype(int)
        parts.append(part.assign(seconds=seconds, full_collections=last))
    return {"samples": pd.concat(parts, ignore_index=True)}


def cells(**how):
    return protocol.summarise(samples(**how) | {"published": PUBLISHED})


def parts(**how):
    table = protocol_parts.summarise(samples(**how))
    return table.set_index(["of", "part"])


def test_the_parts_of_a_run_are_what_was_switched_off_and_add_up_to_the_whole():
    found = 1e3 * parts(spread=0.0).seconds
    expected = {"whole": 21.0, "collector": 14.5, "drawing": 0.5, "loader": 5.0, "arithmetic": 1.0}
    assert found["1500"].to_dict() == pytest.approx(expected)
    expected = {"whole": 16.0, "collector": 3.0, "drawing": 5.0, "loader": 4.5, "arithmetic": 3.5}
    assert found["100"].to_dict() == pytest.approx(expected)
    expected = {"whole": 5.0, "collector": 11.5, "drawing": -4.5, "loader": 0.5, "arithmetic": -2.5}
    assert found["difference"].to_dict() == pytest.approx(expected)


def test_they_add_up_whatever_the_launches_and_have_intervals_over_them():
    found = parts(spread=0.3)
    for _, own in found.groupby("of"):
        own = own.droplevel("of").seconds
        assert own.drop("whole").sum() == pytest.approx(own["whole"])
    assert (found.seconds_low < found.seconds).all()
    assert (found.seconds < found.seconds_high).all()


def test_the_share_of_a_difference_that_may_be_none_is_unknown():
    assert parts(spread=0.0).share["1500", "collector"] == pytest.approx(14.5 / 21)
    noisy = parts(extra=NOISE)
    assert noisy.share["difference"].isna().all()
    assert noisy.share["100"].notna().all()


def test_a_cell_has_its_mean_with_an_interval_and_what_single_runs_take():
    table = cells(spread=0.1).set_index(protocol.CELL)
    book = (1500, *BOOK)
    expected = over_launches(protocol.means(samples(spread=0.1)["samples"])[book])
    found = table[["seconds", "seconds_low", "seconds_high"]].loc[book]
    assert tuple(found) == pytest.approx(expected)
    row = cells(spread=0.0).set_index(protocol.CELL).loc[book]
    assert row.seconds == pytest.approx(21e-3)
    assert (row.least_seconds, row.most_seconds) == pytest.approx((6.5e-3, 50e-3))
    assert (row.launches, row.runs, row.full_collections) == (5, 15, pytest.approx(1 / 3))
    assert table.runs[(100, *WITHOUT["collector"])] == 5


def test_published_numbers_stand_beside_the_books_protocol_alone():
    table = cells()
    known = table[table.published_seconds.notna()]
    assert known[["batch_size", "published_seconds"]].to_numpy().tolist() == [
        [1500, 0.036],
        [100, 0.028],
    ]
    assert (known.collector == "on").all()
    other = samples() | {"published": PUBLISHED.assign(epochs=3)}
    assert protocol.summarise(other).published_seconds.isna().all()


def test_the_ratio_is_of_the_means_of_a_launch_and_single_runs_are_compared_in_pairs():
    small = protocol.timed(cells(spread=0.0), BOOK).iloc[1]
    assert small.ratio == pytest.approx(21 / 16)
    # of the runs of 6.5, 6.5 and 50 ms none but the last takes longer than 13, 13 and 22 ms
    assert small.faster == pytest.approx(1 / 3)
    full = protocol.timed(cells(), BOOK).iloc[0]
    assert (full.ratio, full.ratio_low, full.ratio_high) == (1, 1, 1)


def test_the_statement_follows_the_launches():
    assert protocol.statement(cells())["verdict"] == "holds"
    slower = MS | {SMALL: [40.0, 13.0, 8.0, 3.5]}
    assert protocol.statement(cells(ms=slower))["verdict"] == "does not hold"
    said = protocol.statement(cells(extra=NOISE))
    assert said["verdict"] == "undecided"
    assert said["statement"].startswith(
        "Batch size 100 costs less time per epoch than the full batch, by"
    )
    assert "batch size 100 16" in said["evidence"]


def drawn(**how):
    tables = {
        "protocol": cells(**how),
        "protocol_parts": protocol_parts.summarise(samples(**how)),
    }
    made = figure.draw(tables)
    made.draw_without_rendering()
    return made


def test_the_figure_has_a_panel_a_run_and_a_bar_a_protocol():
    made = drawn(spread=0.0)
    assert [axes.get_title(loc="left").split(":")[0] for axes in made.axes] == [
        *("batch size 1500", "batch size 100"),
        "batch size 1500 less 100",
    ]
    for axes, run in zip(made.axes, (FULL, SMALL), strict=False):
        bars = axes.containers[0]
        assert [bar.get_height() for bar in bars] == pytest.approx(MS[run])
    assert len(made.axes[0].get_xticklabels()) == 4
    [points] = made.axes[2].containers
    assert [*points[0].get_xdata()] == pytest.approx([5.0, 11.5, -4.5, 0.5, -2.5])


def test_its_title_says_where_a_ratio_is_undecided():
    title = drawn(extra=NOISE).get_suptitle().replace("\n", " ")
    book, steps = title.split(" by the book's protocol and ")
    assert book.endswith("), undecided,")
    assert steps.endswith(") without all that")


def test_the_sheets_show_every_part_and_cell():
    sheet = sheets.protocol_parts(protocol_parts.summarise(samples(spread=0.0)))
    assert sheet["columns"] == ["part", "batch size 1500", "batch size 100", "difference"]
    rows = {row[0]: row[1:] for row in sheet["rows"]}
    assert [*rows] == ["whole", "collector", "drawing", "loader", "arithmetic"]
    assert rows["collector"][0].startswith("14.5 (14.5 to 14.5), 69%")
    sheet = sheets.protocol(cells(spread=0.0))
    assert len(sheet["rows"]) == 2 * len(PROTOCOLS)
    assert sheet["rows"][0][-2:] == ["–", "–"]  # the full batch beside itself
    assert sheet["rows"][1][-1] == "33%"
