"""Which value of pixels is white, and what is no range of pixels."""

import numpy as np
import pytest

from mnist_idx_tfds import idx, pixel_range


def seen(*pieces):
    range_ = pixel_range.Range()
    for piece in pieces:
        range_.see(np.asarray(piece))
    return range_


@pytest.mark.parametrize(
    ("pieces", "white"),
    [
        ([[False, True]], 1),
        ([[0, 1], [1]], 1),
        ([[0.0, 0.5]], 1),
        ([[0.1], [0.2]], 1),
        ([[0, 16], [255]], 255),
        ([[0.0, 128.0]], 255),
        ([[0.5, 255.0]], 255),
        ([[0, 4095]], 4095),
        ([np.uint16([40000, 70])], 65535),
    ],
)
def test_what_is_white_follows_from_all_pieces(pieces, white):
    assert seen(*pieces).white("set.npz", "x_train") == white


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([[0, 1], [16]], "whole numbers of 0 to 16"),
        ([[0, 300]], "whole numbers of 0 to 300"),
        ([[-1, 255]], "whole numbers of -1 to 255"),
        ([[0, 65536]], "whole numbers of 0 to 65536"),
        ([[0.0, 0.0]], "whole numbers of 0 to 0"),
        ([[-0.5, 0.5]], "numbers of -0.5 to 0.5"),
        ([[0.5, 100.0]], "numbers of 0.5 to 100"),
        ([[0.5, 1.0], [128.5]], "numbers of 0.5 to 128.5"),
        ([[0.5], [np.nan]], "numbers of nan to nan"),
    ],
)
def test_a_range_that_is_not_plain_is_named(pieces, found):
    with pytest.raises(idx.IdxError) as caught:
        seen(*pieces).white("set.npz", "x_train")
    assert str(caught.value) == (
        "set.npz: x_train: expected pixels of 0 to 1, 255, 4095 or 65535, found "
        f"{found}. Scale the pixels to 0 to 255, and save them as bytes (uint8)."
    )


@pytest.mark.parametrize(
    ("white", "values"),
    [(1, [0.0, 0.2, 1.0]), (255, [0, 51, 255]), (4095, [0, 819, 4095])],
)
def test_bytes_are_of_0_to_255(white, values):
    found = pixel_range.to_bytes(np.array(values), white)
    assert found.dtype == np.uint8
    assert found.tolist() == [0, 51, 255]


def test_more_need_not_be_seen_of_bytes_that_are_bright():
    assert seen([0, 200]).sure
    assert not seen([0, 100]).sure
    assert not seen([0, 300]).sure


def test_what_was_scaled_is_said():
    assert pixel_range.note("a.npz", 255) == ()
    assert pixel_range.note("a.npz", 1) == (
        "a.npz: its pixels are of 0 to 1, scaled to 0 to 255",
    )


def test_no_other_white_is_asked_for_where_none_would_help():
    for low, hint in ((0, "Say"), (-1, "Scale the pixels to 0 to 255")):
        with pytest.raises(idx.IdxError, match=rf"to 16\. {hint}"):
            seen([low, 16]).white("a.npz", "x", hint="Say what is white.")
