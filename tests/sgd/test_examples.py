import numpy as np

from minibatch.sgd.examples import split


def test_the_last_column_is_the_target():
    x, y = split(np.arange(12).reshape(2, 6))
    np.testing.assert_array_equal(x, [[0, 1, 2, 3, 4], [6, 7, 8, 9, 10]])
    np.testing.assert_array_equal(y, [5, 11])


def test_the_layout_stays_since_the_last_bit_of_a_product_depends_on_it():
    table = np.asfortranarray(np.ones((4, 3)))
    x, _ = split(table)
    assert x.flags.f_contiguous
    assert np.shares_memory(x, table)
