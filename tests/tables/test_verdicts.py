import pandas as pd
import pytest

from minibatch.tables import verdicts

COLUMNS = ["framework", "device", "subject", "check", "passed", "detail"]
SHARED = ["environment", "products", "clock", "scratch", "concise"]
ALONE = ["compiled", "graph", "tf32", "bfloat16"]
SUBJECTS = [*SHARED, *ALONE]
MEASURED = ["", "scratch", "concise", "float32", *ALONE]


def checked(*failed):
    """A verdict on each subject."""
    return pd.DataFrame(
        [
            ("jax", "cpu", subject, f"{subject} is right", subject not in failed, f"of {subject}")
            for subject in SUBJECTS
        ],
        columns=COLUMNS,
    )


@pytest.mark.parametrize("subject", MEASURED)
def test_the_gate_is_open_where_every_check_passed(subject, caplog):
    assert verdicts.closed(checked(), subject) is False
    assert caplog.messages == []


@pytest.mark.parametrize("failed", SHARED)
@pytest.mark.parametrize("subject", MEASURED)
def test_one_failed_check_closes_the_gate_for_everything_and_is_said(subject, failed, caplog):
    assert verdicts.closed(checked(failed), subject) is True
    assert caplog.messages == [
        f"warning: not measured, since a check failed: {failed} is right: of {failed}"
    ]


@pytest.mark.parametrize(
    ("failed", "subject"), [(failed, subject) for failed in ALONE for subject in MEASURED]
)
def test_a_failed_check_of_compiled_epochs_or_of_a_precision_closes_it_for_those_alone(
    failed, subject, caplog
):
    assert verdicts.closed(checked(failed), subject) is (subject == failed)
    assert len(caplog.messages) == (subject == failed)


def test_every_failed_check_is_said(caplog):
    assert verdicts.closed(checked("clock", "compiled", "products"), "scratch")
    assert [message.rpartition(" ")[2] for message in caplog.messages] == ["products", "clock"]
    caplog.clear()
    assert verdicts.closed(checked("clock", "compiled"), "compiled")
    assert [message.rpartition(" ")[2] for message in caplog.messages] == ["clock", "compiled"]


def test_an_environment_that_is_missing_closes_it(caplog):
    row = ("mxnet", "cpu", "environment", "the framework can be imported", False, "no wheel")
    assert verdicts.closed(pd.DataFrame([row], columns=COLUMNS), "compiled")
    assert caplog.messages[0].endswith(": the framework can be imported: no wheel")


def test_gaps_are_the_failed_checks_for_a_reader():
    assert verdicts.gaps(checked()) == []
    several = pd.concat([checked("scratch"), checked("compiled").assign(framework="mxnet")])
    assert verdicts.gaps(several) == [
        "NOT MEASURED: jax on cpu: of scratch",
        "NOT MEASURED: mxnet on cpu, compiled: of compiled",
    ]
    several = checked("tf32", "bfloat16").assign(device="cuda")
    assert verdicts.gaps(several) == [
        "NOT MEASURED: jax on cuda, tf32: of tf32",
        "NOT MEASURED: jax on cuda, bfloat16: of bfloat16",
    ]
