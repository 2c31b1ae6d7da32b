import pandas as pd
import pytest

from minibatch.errors import UserError
from minibatch.stages import gather
from minibatch.tables import parquet
from minibatch.tables.canonical import digest


@pytest.fixture
def parts(tmp_path):
    """Two tables by path, each with its parameters, measured on two machines."""
    parts = {}
    for number, n in enumerate((64, 128)):
        path = tmp_path / f"{n}.parquet"
        frame = pd.DataFrame({"n": [n, n], "seconds": [number + 0.25, number + 0.5]})
        about = {"machines": [f"machine {number}"], "frameworks": ["torch 2"], "threads": [1]}
        parquet.write(frame, path, parameters={"n": n}, provenance=about)
        parts[path] = {"n": n}
    return parts


def expecting(parts):
    return {"inputs": {str(path): digest(values) for path, values in parts.items()}}


def test_the_whole_has_the_rows_of_all_parts_in_order_and_where_they_come_from(tmp_path, parts):
    parameters, output = expecting(parts), tmp_path / "whole.parquet"
    gather.make(parameters, list(parts), output)
    whole = parquet.read(output, digest(parameters))
    assert whole.to_numpy().tolist() == [[64, 0.25], [64, 0.5], [128, 1.25], [128, 1.5]]
    about = whole.attrs["provenance"]
    assert about["machines"] == ["machine 0", "machine 1"]
    assert (about["frameworks"], about["threads"]) == (["torch 2"], [1])


def test_a_part_that_was_made_with_other_parameters_is_refused(tmp_path, parts):
    paths = list(parts)
    parameters = expecting(parts | {paths[1]: {"n": 129}})
    with pytest.raises(UserError, match=rf"{paths[1]}: made with other parameters"):
        gather.make(parameters, paths, tmp_path / "whole.parquet")
    assert not (tmp_path / "whole.parquet").exists()


def test_a_part_that_is_missing_is_named(tmp_path, parts):
    paths = list(parts)
    paths[0].unlink()
    with pytest.raises(UserError, match=rf"{paths[0]}: there is no such table"):
        gather.make(expecting(parts), paths, tmp_path / "whole.parquet")
