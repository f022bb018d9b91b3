"""Distances between floats, against numpy.spacing and counting by numpy.nextafter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_gd.comparison.ulp import ulp_distance


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("start", [1.0, -1.0, 0.0, 1e-40, 1.9999999])
def test_counting_neighbours(dtype, start):
    here = there = np.array([start], dtype)
    for count in range(5):
        assert ulp_distance(here, there) == count
        there = np.nextafter(there, np.array([np.inf], dtype))


def test_across_zero_counts_both_sides():
    tiny = np.nextafter(np.float32(0), np.float32(1))
    assert ulp_distance(np.array([-tiny]), np.array([tiny])) == 2


def test_special_values():
    a = np.float32([np.nan, np.nan, 1.0, np.inf, -0.0])
    b = np.float32([np.nan, 1.0, np.nan, np.inf, 0.0])
    assert ulp_distance(a, b).tolist() == [0, np.inf, np.inf, 0, 0]


@given(st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False))
def test_symmetric_and_zero_only_for_equal(a, b):
    a, b = np.float32([a]), np.float32([b])
    assert ulp_distance(a, b) == ulp_distance(b, a)
    assert (ulp_distance(a, b) == 0) == (a == b)


@pytest.mark.parametrize("b", [np.zeros(2, "float64"), np.zeros(3, "float32"), np.zeros(2, "int32")])
def test_unlike_arrays_are_refused(b):
    with pytest.raises(ValueError, match="expected one shape and one dtype"):
        ulp_distance(np.zeros(2, "float32"), b)
