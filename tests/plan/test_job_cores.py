import pytest

from minibatch.plan import cores

CONFIG = {"threads": 2, "parallel": {"ranks": [1, 4]}}
ALONE = {"threads": 2, "parallel": {"ranks": [1]}}


def test_a_measurement_has_all_cores_of_this_machine_whatever_it_computes_with():
    assert cores.measuring(CONFIG, 16) == 16
    assert cores.measuring(CONFIG, 1) == 1


def test_on_a_cluster_it_asks_for_those_it_computes_with_and_three_that_help():
    assert cores.measuring(CONFIG, None) == 5


@pytest.mark.parametrize(
    ("here", "device", "expected"),
    [(16, "cpu", 16), (2, "cpu", 4), (2, "cuda", 4), (None, "cpu", 1), (None, "cuda", 5)],
)
def test_ranks_have_all_cores_here_and_their_own_on_a_cluster(here, device, expected):
    assert cores.of_a_rank(CONFIG, here, device) == expected


def test_ranks_are_started_by_srun_in_a_job_of_slurm_and_by_torchrun_elsewhere():
    said = cores.launcher(CONFIG, "PY", in_slurm=True)
    assert said.startswith("srun --ntasks=4 ")
    assert said.endswith(" PY")
    for said in (
        cores.launcher(CONFIG, "PY", in_slurm=False),
        cores.launcher(ALONE, "PY", in_slurm=True),
    ):
        assert said.startswith("PY -m minibatch.torchrun ")
    assert cores.launcher(CONFIG, "PY", in_slurm=False).endswith("--nproc-per-node=4")


def test_only_several_ranks_on_a_cluster_have_an_srun_of_their_own():
    found = [cores.mpi(*asked) for asked in [(CONFIG, None), (ALONE, None), (CONFIG, 8)]]
    assert found == ["srun", None, None]
