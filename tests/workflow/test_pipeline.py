"""The whole pipeline, from an empty folder."""

import pytest
from project import RUNS, assert_same, train

from minibatch.tables import parquet

# A run of each kind.
KINDS = (
    "concise_10",
    "compiled_100",
    "grid",
    "gd_tenth",
    "minibatch_100_replacement",
    "minibatch_100_twice",
)


def test_a_run_makes_every_file_that_it_should_and_no_other(undisturbed):
    rows = undisturbed.rows()
    assert train(*RUNS) < rows.keys()
    assert {row["status"] for row in rows.values()} == {"ok"}
    assert rows.keys() == undisturbed.files().keys()


def test_every_table_reads(undisturbed):
    paths = [path for path in undisturbed.rows() if path.endswith(".parquet")]
    assert paths
    for path in paths:
        assert len(parquet.read(undisturbed.folder / path)), path


def test_every_job_has_a_log_of_its_own(undisturbed):
    logs = {path: row["log-file(s)"] for path, row in undisturbed.rows().items()}
    together = {
        "results/data/airfoil.json": "results/data/airfoil.dat",
        "results/verify/pytorch/cpu.json": "results/verify/pytorch/cpu.parquet",
        "results/verify/pytorch/cpu/compiled.parquet": "results/verify/pytorch/cpu.parquet",
    } | {path: path.replace(".png", ".svg") for path in logs if path.endswith(".png")}
    for path, beside in together.items():  # made by one job
        assert logs.pop(path) == logs[beside]
    assert len(set(logs.values())) == len(logs)
    for log in logs.values():
        assert log.startswith("results/logs/")
        assert (undisturbed.folder / log).is_file()


def test_surrogate_data_is_announced(undisturbed):
    assert "SURROGATE DATA" in undisturbed.said


@pytest.mark.parametrize("arguments", [["--cores=4"], ["--cores=1"], ["--cores=2", "--dry-run"]])
def test_a_second_run_has_nothing_to_do(finished, arguments):
    before = finished.files()
    assert "Nothing to be done" in finished.run(*arguments)
    assert finished.files() == before


def test_another_run_with_one_core_gives_the_same_losses_to_the_last_bit(project, undisturbed):
    project.run("--cores=1", *train(*KINDS))
    assert_same(project.traces(*KINDS), undisturbed.traces(*KINDS))


def test_a_failing_job_shows_its_log_and_what_depends_on_it_stays_as_it_is(finished):
    path = finished.folder / "results/data/airfoil.dat"
    path.write_text(path.read_text().replace("\t", "\tx", 1))
    before = finished.files()
    said = finished.fail()
    assert "error: results/data/airfoil.dat: row 1, column 2 (angle_of_attack): 'x" in said
    del before["results/data/examples.parquet"]
    assert finished.files() == before
