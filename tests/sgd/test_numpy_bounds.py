"""A product and copies in NumPy: what they move, where it lies, and what is refused."""

import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd import numpy_bounds
from minibatch.sgd.numpy_bounds import LINE, WINDOWS, Copy, Product, caches, level

SIZES = {"L1": 32 * 2**10, "L2": 2**20, "L3": 32 * 2**20}


@pytest.mark.parametrize(
    ("kib", "name"),
    [
        (4, "L1"),
        (32, "L1"),
        (33, "L2"),
        (1024, "L2"),
        (32768, "L3"),
        (40000, ""),
        (65536, "memory"),
    ],
)
def test_a_working_set_lies_in_the_least_cache_that_holds_it(kib, name):
    assert level(kib * 2**10, SIZES) == name


def test_the_caches_are_those_for_data_that_linux_names(tmp_path):
    for number, about in enumerate(["1 Data 48K", "1 Instruction 32K", "2 Unified 2048K"]):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for name, text in zip(("level", "type", "size"), about.split(), strict=True):
            (folder / name).write_text(f"{text}\n")
    assert caches(tmp_path) == {"L1": 48 * 2**10, "L2": 2**21}
    assert list(caches(tmp_path / "none")) == ["L1", "L2", "L3"]


@pytest.mark.parametrize("calls", [1, 5, WINDOWS, 3 * WINDOWS])
def test_so_many_copies_move_so_many_windows_of_the_array(calls, monkeypatch):
    copy, moved = Copy(1024, SIZES), []
    copyto = np.copyto
    monkeypatch.setattr(
        np, "copyto", lambda to, source: moved.append(to.shape) or copyto(to, source)
    )
    copy.run(calls)
    assert sum(rows for rows, _ in moved) == calls
    assert {numbers for _, numbers in moved} == {128}
    assert copy.amount(calls) == calls * 2 * 4 * 128
    copied = 128 + LINE * (min(calls, WINDOWS) - 1)
    np.testing.assert_array_equal(copy._target[:copied], copy._source[:copied])
    assert not copy._target[copied:].any()
    assert len(np.unique(copy._source)) > 100


def test_above_those_of_a_call_copies_are_whole_calls():
    copy = Copy(1024, SIZES)
    assert [copy.fitting(n) for n in (1, 63, 64, 100, 130)] == [1, 63, 64, 64, 128]


@pytest.mark.parametrize("wrong", [np.s_[:0], np.s_[1:], np.s_[:, :-1]])
def test_a_copy_that_leaves_something_out_is_refused(wrong, monkeypatch):
    copy, copyto = Copy(4096, SIZES), np.copyto
    copy.verify(8)
    monkeypatch.setattr(np, "copyto", lambda to, source: copyto(to[wrong], source[wrong]))
    with pytest.raises(UserError, match="NumPy's copy of an array: not timed"):
        copy.verify(8)


def test_the_product_is_checked_and_counted(monkeypatch):
    product = Product(16)
    product.verify(2)
    assert product.amount(3) == 3 * 2 * 16**3
    assert product.about["n"] == 16
    matmul = np.matmul
    monkeypatch.setattr(
        numpy_bounds.np, "matmul", lambda b, c, out: matmul(b + np.float32(1e-3), c, out=out)
    )
    with pytest.raises(UserError, match="NumPy's product: not timed"):
        product.verify(1)
