"""The usual names of the parts of a set."""

import pytest

from mnist_idx_tfds.sources import parts


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("train", "train"), ("TRAIN", "train"), ("training-images", "train")),
        *(("val", "valid"), ("Validation", "valid"), ("dev_set", "valid")),
        *(("Testing", "test"), ("test images", "test"), ("TestSet", "test")),
        *(("PublicTest", "valid"), ("PrivateTest", "test")),
        *(("trainer", None), ("test1", None), ("latest", None), ("", None)),
    ],
)
def test_a_part_goes_by_its_usual_names(name, part):
    assert parts.of(name) == part


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("k49-train-imgs", "train"),
        ("test-00000-of-00001", "test"),
        ("Training_set", "train"),
        ("train_test", None),
        ("contest", None),
        ("trainLabels", "train"),
        ("PublicTest", "valid"),
    ],
)
def test_a_part_may_be_a_word_of_a_name(name, part):
    assert parts.within(name) == part


@pytest.mark.parametrize(
    ("found", "splits"),
    [
        (
            ["train", "valid", "test"],
            {"train": "train", "valid": "train", "test": "test"},
        ),
        (["train", "valid"], {"train": "train", "valid": "test"}),
        (["train", "test"], {"train": "train", "test": "test"}),
        (["train"], {"train": ""}),
    ],
)
def test_what_is_to_validate_is_tested_on_where_nothing_else_is(found, splits):
    assert parts.splits(found) == splits
