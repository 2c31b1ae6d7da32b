"""The statements on products and on memory, from launches that are written down here."""

import numpy as np
import pytest

from builders import ceilings, products
from minibatch.sgd.strategies import flop
from minibatch.summaries.matmul import per_launch
from minibatch.summaries.product_statements import of_memory, of_products

COLUMN = "One column at a time is faster than one element at a time."
ROW = "One row at a time is faster than one element at a time."
WHOLE = "The whole product is faster than one element, column or row at a time."
BLOCKS = "Blocks of 64 columns are about as fast as one product."
TOGETHER = "One row at a time is faster than one column, whose numbers lie apart."
SLOWER = "Caches are faster than memory."
STARVED = "Memory supplies less than a tenth of what the processor can take."


def judge(seconds, n=256):
    """The statements by what they say; seconds of a whole product by strategy and launch."""
    cases = {
        (name, n, 64 * (name == "block"), "float32"): values for name, values in seconds.items()
    }
    return {row["statement"]: row for row in of_products(per_launch(products(cases)))}


@pytest.mark.parametrize("name", ["column", "row"])
@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ([1.0, 10, 100], "holds"),  # half the time in each launch, however much these differ
        ([4.0, 40, 400], "does not hold"),
        ([1.0, 30, 300], "undecided"),
    ],
)
def test_a_column_or_row_is_compared_with_an_element_launch_by_launch(name, seconds, said):
    found = judge({name: seconds, "element": [2.0, 20, 200]})
    assert found[{"column": COLUMN, "row": ROW}[name]]["verdict"] == said


def test_the_evidence_has_the_ratio_its_interval_and_both_rates():
    found = judge({"column": [0.5] * 3, "element": [2.0] * 3})[COLUMN]
    rates = [f"{flop(256) / 1e9 / seconds:.3g}" for seconds in (0.5, 2.0)]
    assert found["evidence"] == (
        f"0.25× (0.25× to 0.25×): the time, {rates[0]} against {rates[1]} GFLOP/s"
    )


def test_the_whole_product_has_to_be_faster_than_the_fastest_of_the_others():
    slow = {"element": [9.0] * 3, "column": [3.0, 2, 3], "row": [2.0, 3, 2]}
    assert judge(slow | {"full": [1.9] * 3})[WHOLE]["verdict"] == "holds"
    assert judge(slow | {"full": [2.1] * 3})[WHOLE]["verdict"] == "does not hold"
    assert judge({"full": [1.0] * 3, "row": [2.0] * 3})[WHOLE]["verdict"] == "holds"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ([1.2] * 3, "holds"),
        ([0.85] * 3, "holds"),
        ([1.3] * 3, "does not hold"),
        ([0.7] * 3, "does not hold"),
        ([1.0, 1.2, 1.5], "undecided"),
    ],
)
def test_blocks_are_about_as_fast_within_a_factor_of_five_quarters(seconds, said):
    assert judge({"block": seconds, "full": [1.0] * 3})[BLOCKS]["verdict"] == said


@pytest.mark.parametrize(("row", "said"), [(1.0, "holds"), (3.0, "does not hold")])
def test_rows_are_compared_with_columns_at_the_largest_size(row, said):
    cases = {("row", 2048): [row] * 3, ("column", 2048): [2.0] * 3}
    cases |= {("row", 1024): [2.0] * 3, ("column", 1024): [2.0] * 3, ("row", 4096): [9.0] * 3}
    cases = {(*case, 0, "float32"): values for case, values in cases.items()}
    found = {row["statement"]: row for row in of_products(per_launch(products(cases)))}
    assert found[TOGETHER]["verdict"] == said
    assert found[TOGETHER]["evidence"].startswith("at n = 2048: ")


@pytest.mark.parametrize("n", [256, 512])
def test_where_its_cases_are_missing_a_statement_is_not_measured_and_says_what_is_missing(n):
    found = judge({"full": [1.0] * 3, "row": [1.0] * 3, "column": [1.0] * 3}, n=n)
    assert found[COLUMN]["verdict"] == found[BLOCKS]["verdict"] == "not measured"
    assert found[TOGETHER]["verdict"] == "not measured"  # these matrices are small
    missing = "no element" if n == 256 else "no column and no element"
    assert found[COLUMN]["evidence"] == f"the configuration has {missing} at n = 256"
    assert (found[WHOLE]["verdict"] == "not measured") == (n == 512)
    assert "nan" not in str(found)


def memory(**changes):
    return {row["statement"]: row for row in of_memory(per_launch(ceilings(**changes)))}


def test_memory_is_compared_with_the_fastest_cache():
    found = memory()[SLOWER]
    assert found["verdict"] == "holds"
    assert found["evidence"] == ("0.13× (0.13× to 0.13×): 10 GB/s in memory against 80 GB/s in L1")
    assert memory(copies={"L1": 9.0, "memory": 10.0})[SLOWER]["verdict"] == "does not hold"


@pytest.mark.parametrize(("rate", "said"), [(39.0, "holds"), (41.0, "does not hold")])
def test_memory_is_compared_with_what_the_arithmetic_takes(rate, said):
    """100 GFLOP/s are 50·10⁹ multiply-adds, of two operands of 4 bytes: 400 GB/s."""
    found = memory(gflops=100.0, copies={"L1": 80.0, "memory": rate})[STARVED]
    assert found["verdict"] == said
    assert "100 GFLOP/s take 400 GB/s of operands" in found["evidence"]


@pytest.mark.parametrize(
    ("copies", "verdicts"),
    [
        ({"L1": 80.0, "": 20.0}, ["not measured", "not measured"]),
        ({"memory": 20.0}, ["not measured", "holds"]),
    ],
)
def test_without_a_copy_in_memory_or_in_a_cache_nothing_is_said_of_it(copies, verdicts):
    found = memory(copies=copies)
    assert [found[name]["verdict"] for name in (SLOWER, STARVED)] == verdicts


def test_a_copy_that_may_be_partly_in_a_cache_is_neither():
    found = memory(copies={"L1": 80.0, "": 999.0, "memory": 10.0})[SLOWER]
    assert found["evidence"].endswith("80 GB/s in L1")


def test_launches_that_differ_decide_nothing():
    table = per_launch(ceilings())
    spread = np.where(table.level == "memory", table.launch**4.0, 1)
    rates = table.assign(rate=table.rate * spread)
    found = {row["statement"]: row for row in of_memory(rates)}
    assert found[SLOWER]["verdict"] == "undecided"
