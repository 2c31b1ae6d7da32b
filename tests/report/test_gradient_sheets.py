"""The tables on the noise of gradients, as text."""

import pandas as pd

import builders
from minibatch.report import gradient_sheets


def records(sheet):
    return [dict(zip(sheet["columns"], row, strict=True)) for row in sheet["rows"]]


def test_a_batch_has_what_is_exact_beside_what_was_drawn_and_dashes_where_nothing_was():
    rows = records(gradient_sheets.law(builders.law().query("point == 'start'")))
    found = {(row["drawn"], row["batch size"]): row for row in rows}
    hundred = found["with replacement", "100"]
    assert hundred["standard deviation"] == "0.2"
    assert hundred["of drawn batches"] == "0.2 (0.18 to 0.22)"
    assert hundred["standard errors from their mean to G"] == "1.00"
    assert [*found["without replacement", "1500"].values()][2:] == ["1500", "0", "–", "–"]


def test_a_step_has_its_noise_scale():
    row = {"step": 3, "loss": 0.25, "excess": 0.01, "gradient_squared": 0.01234}
    table = pd.DataFrame([row | {"trace": 3.2612, "noise_scale": 264.28}])
    assert gradient_sheets.noise(table)["rows"] == [["3", "0.2500", "0.0123", "3.26", "264"]]
