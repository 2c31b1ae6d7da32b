import pytest

from minibatch.errors import UserError
from minibatch.plan import slurm


@pytest.mark.parametrize("path", ["/my folder/python", "/a$b/python", "/a'b/python"])
def test_a_python_that_slurm_cannot_start_is_refused_in_a_line(path):
    with pytest.raises(UserError, match=r"without quoting it; make the environment in a folder"):
        slurm.require_plain_path(path)


def test_any_other_is_not():
    slurm.require_plain_path("/work/a-b_c.d/.venv/bin/python")
