"""A check that failed is made again by the next call, and what it had closed is then measured."""

import pytest
from project import TOY

EAGER, COMPILED = (
    f"results/train/toy/cpu/{run}.parquet" for run in ("minibatch_10", "compiled_100")
)
LAUNCH = "results/steptime/toy/cpu/1.parquet"
OUTCOME = "results/verify/toy/cpu.json"
WANTED = (OUTCOME, EAGER, COMPILED, LAUNCH)
# A toy whose compiler needs a header.
NEEDS_A_HEADER = """
import pathlib

class Compiled(IMPLEMENTATIONS["compiled"]):
    def epoch(self, *arguments):
        if not pathlib.Path("Python.h").exists():
            said = "/tmp/1.cpp:1:10: fatal error: Python.h: No such file or directory"
            raise RuntimeError(f"the backend raised:\\nError: it failed\\n\\nOutput:\\n{said}")
        super().epoch(*arguments)

IMPLEMENTATIONS = IMPLEMENTATIONS | {"compiled": Compiled}
"""


@pytest.fixture
def closed(project):
    """A project in which compiling failed, and what is compiled was not measured."""
    project.add_framework("toy", TOY + NEEDS_A_HEADER)
    project.configure(lambda config: config.update(frameworks=["toy"]))
    project.run(*WANTED)
    return project


def test_a_failed_check_is_made_again_alone_until_it_passes_and_then_what_it_closed(closed):
    assert closed.read(COMPILED).empty
    assert set(closed.read(LAUNCH).implementation) == {"scratch", "concise"}
    failed = closed.read("results/verify/toy/cpu/compiled.parquet").query("~passed")
    assert set(failed.detail) == {
        "Error: it failed: fatal error: Python.h: No such file or directory"
    }
    before = closed.files()
    for _ in range(2):
        said = closed.run(*WANTED)
        assert "Verifying toy on cpu" in said
        assert "1 of 1 steps" in said
    assert closed.files() == before

    (closed.folder / "Python.h").touch()
    said = closed.run(*WANTED)
    assert "Training compiled_100 with toy" in said
    assert not closed.read(COMPILED).empty
    assert set(closed.read(LAUNCH).implementation) == {"scratch", "concise", "compiled"}
    assert closed.files()[EAGER] == before[EAGER]
    assert closed.read("results/verify/toy/cpu/compiled.parquet").passed.all()
    assert "Nothing to be done" in closed.run(*WANTED)
