"""The chapter's loop: what its clock counts, what goes on beside it, and what is verified."""

import gc
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from minibatch.errors import UserError
from minibatch.sgd import chapter, objective
from minibatch.sgd.chapter import BookClock, Chapter
from minibatch.sgd.protocols import BOOK, PROTOCOLS, WITHOUT, Protocol, Run

FULL, SMALL = Run(1500, 10, 1.0), Run(100, 2, 0.4)
POINTS = {FULL: 5, SMALL: 15}  # 15,000 and 3,000 examples, of which some epochs are no 200s


@pytest.fixture
def diary(monkeypatch, pytorch):
    """PyTorch from scratch, the clock, the evaluations and the drawing, as they are called."""
    found = []

    class Model(pytorch.Scratch):
        def compute(self, x, y):
            collector = gc.isenabled(), gc.get_freeze_count()
            found.append(("step", len(y), collector))
            super().compute(x, y)

    def watch(owner, name, said):
        method = getattr(owner, name)

        def watching(*arguments, **named):
            found.append((said,))
            return method(*arguments, **named)

        monkeypatch.setattr(owner, name, watching)

    watch(BookClock, "start", "start")
    watch(BookClock, "stop", "stop")
    watch(chapter, "evaluate", "evaluate")
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: found.append(("draw",)))  # takes long
    framework = SimpleNamespace(
        IMPLEMENTATIONS={"scratch": Model}, LOADERS=pytorch.LOADERS, array=pytorch.array
    )
    return SimpleNamespace(found=found, framework=framework, model=Model)


def kinds(diary):
    return [entry[0] for entry in diary.found]


@pytest.mark.parametrize("run", [FULL, SMALL])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_at_each_point_the_clock_stands_still_for_the_loss_and_the_plot(
    diary, examples, run, protocol
):
    read = Chapter(diary.framework, *examples, seed=1).time(run, protocol)
    said = kinds(diary)
    beside = ["evaluate", *["draw"] * (protocol.drawing == "each point")]
    between = [2 * ["step"]] * POINTS[run]  # two epochs, or two batches of 100
    expected = ["start"]
    for steps in between:
        expected += [*steps, "stop", *beside, "start"]
    assert said == [*expected, "stop"]
    assert read["points"] == POINTS[run]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_collector_is_as_the_protocol_says_in_every_step(diary, examples, protocol):
    """On means as Python has it: enabled, with nothing taken out of its search."""
    Chapter(diary.framework, *examples, seed=1).time(SMALL, protocol)
    states = {entry[2] for entry in diary.found if entry[0] == "step"}
    assert states == {(protocol.collector == "on", 0)}
    assert gc.isenabled()


def test_without_the_collector_garbage_is_left_until_the_end_and_no_older_object_is_searched():
    class Cycle:
        def __init__(self):
            self.own = self

    before = gc.get_stats()[-1]["collections"]
    with chapter.collecting("off"):
        for _ in range(10_000):
            Cycle()
        assert sum(type(found) is Cycle for found in gc.get_objects(0)) == 10_000
    assert not any(type(found) is Cycle for found in gc.get_objects())
    assert gc.get_stats()[-1]["collections"] == before


def test_a_full_collection_counts_where_the_clock_runs_and_nowhere_else():
    clock = BookClock(lambda: None)
    gc.collect()
    clock.start()
    gc.collect()
    gc.collect(1)
    clock.stop(BookClock.PHASE)
    gc.collect()
    assert clock.full_collections == 1


def test_a_plot_has_all_points_so_far_each_time_and_is_closed(monkeypatch):
    drawn = []
    savefig = Figure.savefig

    def save(figure, target, **options):
        [line] = figure.axes[0].lines
        drawn.append(line.get_xydata().tolist())
        savefig(figure, target, **options)
        assert target.getvalue().startswith(b"<?xml")
        assert b"<svg" in target.getvalue()

    monkeypatch.setattr(Figure, "savefig", save)
    with chapter.plot("each point", 2) as draw:
        draw(0.5, 0.3)
        draw(1.0, 0.25)
    assert drawn == [[[0.5, 0.3]], [[0.5, 0.3], [1.0, 0.25]]]
    assert plt.get_fignums() == []
    with chapter.plot("none", 2) as draw:
        draw(0.5, 0.3)
        assert plt.get_fignums() == []


@pytest.mark.parametrize("loader", ["framework", "direct"])
def test_every_epoch_has_another_order_and_each_example_once(pytorch, examples, loader):
    batches = Chapter(pytorch, *examples, seed=1)._loader(100, loader)
    epochs = [torch.cat([y for _, y in batches]).numpy() for _ in range(2)]
    assert (epochs[0] != epochs[1]).any()
    for epoch, order in zip(epochs, batches.orders, strict=True):
        np.testing.assert_array_equal(epoch, examples[1][np.asarray(order)])
        assert sorted(order) == [*range(1500)]


@pytest.mark.parametrize("protocol", [BOOK, WITHOUT["loader"]])
@pytest.mark.parametrize("run", [FULL, SMALL])
def test_a_step_that_is_left_out_is_found(diary, examples, run, protocol):
    updates = []

    def update(model, rate):
        updates.append(rate)
        if len(updates) % 10:
            super(diary.model, model).update(rate)

    diary.model.update = update
    with pytest.raises(UserError, match=f"batch size {run.batch_size}, {protocol.loader} loader"):
        Chapter(diary.framework, *examples, seed=1).time(run, protocol)


def test_what_follows_the_last_point_counts_as_well(diary, examples):
    x, y = (part[:250] for part in examples)
    read = Chapter(diary.framework, x, y, seed=1).time(Run(100, 1, 0.1), WITHOUT["loader"])
    assert kinds(diary) == ["start", *["step"] * 2, "stop", "evaluate", "start", "step", "stop"]
    assert read["points"] == 1


def test_the_loss_is_that_of_the_objective(examples):
    parameters = np.float32([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])
    arrays = [torch.tensor(part) for part in examples]
    batches = zip(*(part.split(400) for part in arrays), strict=True)
    expected = objective.loss(*examples, parameters)
    assert chapter.evaluate(parameters, batches) == pytest.approx(expected, rel=1e-5)


def test_each_protocol_of_the_decomposition_does_without_one_thing_more():
    for before, (name, protocol) in zip([BOOK, *WITHOUT.values()], WITHOUT.items(), strict=False):
        changed = [
            part
            for part, one, other in zip(Protocol._fields, before, protocol, strict=True)
            if one != other
        ]
        assert changed == [name]
