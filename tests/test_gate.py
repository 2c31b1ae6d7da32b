import pandas as pd
import pytest

from minibatch import gate

COLUMNS = ["framework", "device", "subject", "check", "passed", "detail"]
SUBJECTS = ["environment", "products", "clock", "scratch", "concise", "compiled"]


def verdicts(*failed):
    """A verdict on each subject."""
    return pd.DataFrame(
        [
            ("jax", "cpu", subject, f"{subject} is right", subject not in failed, f"of {subject}")
            for subject in SUBJECTS
        ],
        columns=COLUMNS,
    )


@pytest.mark.parametrize("implementation", [None, "scratch", "concise", "compiled"])
def test_the_gate_is_open_where_every_check_passed(implementation, caplog):
    assert gate.closed(verdicts(), implementation) is False
    assert caplog.messages == []


@pytest.mark.parametrize("failed", SUBJECTS[:-1])
@pytest.mark.parametrize("implementation", [None, "scratch", "concise", "compiled"])
def test_one_failed_check_closes_the_gate_for_everything_and_is_said(
    implementation, failed, caplog
):
    assert gate.closed(verdicts(failed), implementation) is True
    assert caplog.messages == [
        f"warning: not measured, since a check failed: {failed} is right: of {failed}"
    ]


@pytest.mark.parametrize(
    ("implementation", "closed"),
    [(None, False), ("scratch", False), ("concise", False), ("compiled", True)],
)
def test_a_failed_check_of_compiled_epochs_closes_it_for_those_alone(
    implementation, closed, caplog
):
    assert gate.closed(verdicts("compiled"), implementation) is closed
    assert len(caplog.messages) == closed


def test_every_failed_check_is_said(caplog):
    assert gate.closed(verdicts("clock", "compiled", "products"), "scratch")
    assert [message.rpartition(" ")[2] for message in caplog.messages] == ["products", "clock"]
    caplog.clear()
    assert gate.closed(verdicts("clock", "compiled"), "compiled")
    assert [message.rpartition(" ")[2] for message in caplog.messages] == ["clock", "compiled"]


def test_an_environment_that_is_missing_closes_it(caplog):
    row = ("mxnet", "cpu", "environment", "the framework can be imported", False, "no wheel")
    assert gate.closed(pd.DataFrame([row], columns=COLUMNS), "compiled")
    assert caplog.messages[0].endswith(": the framework can be imported: no wheel")


def test_gaps_are_the_failed_checks_for_a_reader():
    assert gate.gaps(verdicts()) == []
    several = pd.concat([verdicts("scratch"), verdicts("compiled").assign(framework="mxnet")])
    assert gate.gaps(several) == [
        "NOT MEASURED: jax on cpu: of scratch",
        "NOT MEASURED: mxnet on cpu, compiled: of compiled",
    ]
