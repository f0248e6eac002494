"""Which ranges of numbers are plain."""

import numpy as np
import pytest

from mnist_idx_tfds import idx
from mnist_idx_tfds.sources import pixels


def factor(*pieces):
    seen = pixels.Range()
    for piece in pieces:
        seen.see(np.array(piece))
    return seen.factor("file", "field")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([[0.0, 1.0], [0.5, 0.25]], 255),
        ([[0.0, 1.0]], 255),
        ([[0.0, 7.0], [128.0]], 1),
        ([[0.0, 255.0]], 1),
    ],
)
def test_plain_ranges_of_floats(pieces, expected):
    assert factor(*pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([[0.0, 1.0], [-0.5]], "ones of -0.5 to 1"),
        ([[0.0, 16.0]], "whole ones of 0 to 16"),
        ([[0.5, 200.0]], "ones of 0.5 to 200"),
        ([[0.0, 256.0]], "whole ones of 0 to 256"),
        ([[0.5], [np.nan], [0.5]], "ones of nan to nan"),
        ([[np.inf, 0.5]], "ones of 0.5 to inf"),
    ],
    ids=["below", "dark", "fractions", "above", "nan", "infinite"],
)
def test_other_ranges_of_floats_are_refused(pieces, found):
    with pytest.raises(idx.IdxError) as caught:
        factor(*pieces)
    assert str(caught.value) == (
        "file: field: expected floats of 0 to 1, or whole ones of 0 to 255, found "
        f"{found}. Scale the pixels to 0 to 255, and save them as bytes (uint8)."
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_that_were_bytes_come_back(dtype):
    values = np.arange(256, dtype=np.uint8)
    floats = (values / 255).astype(dtype)
    made = pixels.to_bytes(floats, 255, "file", str)
    np.testing.assert_array_equal(made, values)
    assert made.dtype == np.uint8


def test_booleans_are_black_and_white():
    made = pixels.to_bytes(np.array([False, True]), 1, "file", str)
    assert (made.dtype, made.tolist()) == (np.uint8, [0, 255])


def test_an_integer_that_is_no_byte_is_named_with_its_place():
    values = np.array([[0, 255], [3, 256]])
    with pytest.raises(idx.IdxError, match=r"file: x\(1, 1\): .* 0 to 255, found 256"):
        pixels.to_bytes(values, 1, "file", lambda at: f"x{at}")
