"""Arrays of images and labels, as programs have them."""

import numpy as np
import pytest

from mnist_idx_tfds import idx_set
from trainer.data import arrays
from trainer.errors import TrainerError

IMAGES = np.zeros((2, 4, 4, 1), np.uint8)
DIGITS = tuple("0123456789")


@pytest.mark.parametrize(
    "given",
    [
        np.array([3.0, 7.0]),
        np.array([3.0, 7.0], np.float16),
        np.array([3.0, 7], object),
        [[3.0], [7.0]],
    ],
)
def test_whole_numbers_are_labels_whatever_their_type(given):
    found = arrays.labels(given, 2)
    assert (found.dtype, found.tolist()) == (np.int64, [3, 7])


@pytest.mark.parametrize(
    "given",
    [
        [0.5, 1.0],
        [np.nan, 1.0],
        [np.inf, 1.0],
        [1e300, 1.0],
        [1j, 1.0],
        [None, "a"],
        np.array(["a", np.nan], object),
        [b"a", b"b"],
        np.array(["2026-01-01", "2026-01-02"], "M8[D]"),
    ],
)
def test_what_is_no_label_is_refused(given):
    with pytest.raises(
        TrainerError, match="expected names or whole numbers, found oth"
    ):
        arrays.labels(given, 2)


def test_labels_in_lists_of_several_lengths_are_refused():
    with pytest.raises(TrainerError, match=r"labels: .* found \(1,\) and \(2,\)"):
        arrays.labels([[1], [1, 2]], 2)


@pytest.mark.parametrize(
    ("given", "names", "found"),
    [
        (np.array([3, 7, 3]), DIGITS, ["3", "7", "3"]),
        (np.array(["7", "3"]), DIGITS, ["7", "3"]),
        (np.array([1, 0]), ("top", "low"), ["low", "top"]),
        (np.array([2, 1]), ("1", "2"), ["2", "1"]),
    ],
)
def test_labels_are_classes_by_name_and_else_numbers_by_position(given, names, found):
    known, positions = arrays.named(given, names)
    assert [known[k] for k in positions] == found


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (np.array(["three", "seven"]), DIGITS),
        (np.array([0, 1]), ("1", "2")),
        (np.array([0, 2]), ("top", "low")),
        (np.array([-1, 0]), ("top", "low")),
        (np.array([True, False]), DIGITS),
    ],
)
def test_labels_that_a_network_does_not_know_are_refused(given, names):
    with pytest.raises(TrainerError, match="labels: expected classes of the model"):
        arrays.named(given, names)


def test_labels_to_test_on_go_by_name_whatever_their_type(tmp_path):
    """As numbers 10 comes after 9, and as text before it."""
    train = IMAGES, np.array([9, 10])
    arrays.write(tmp_path / "set", train, (IMAGES, np.array(["10", "9"])))
    assert (tmp_path / "set" / idx_set.NAMES_FILE).read_text().split() == ["9", "10"]
    stored = (tmp_path / "set" / "t10k-labels-idx1-ubyte").read_bytes()
    assert stored[-2:] == b"\x01\x00"
