"""Which features of a data set are trained on."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tfds_sets import Given

from mnist_idx_tfds import idx
from trainer.data import features

IMAGE = tfds.features.Image(shape=(8, 9, 3))
LABEL = tfds.features.ClassLabel(names=["cat", "dog"])
OTHERS = {
    "file": tfds.features.Text(),
    "boxes": tfds.features.Tensor(shape=(4,), dtype=np.float32),
}


def find(tmp_path, given, **kwargs):
    return features.find(Given(given, data_dir=tmp_path, **kwargs).info)


def test_the_only_image_and_label_are_found_by_their_types(tmp_path):
    found = find(tmp_path, {**OTHERS, "photo": IMAGE, "animal": LABEL})
    assert found == ("photo", "animal", (8, 9, 3), ("cat", "dog"), False)


def test_of_several_the_supervised_ones_are_taken(tmp_path):
    given = {"a": IMAGE, "b": IMAGE, "c": LABEL, "d": LABEL}
    found = find(tmp_path, given, supervised_keys=("b", "c"))
    assert (found.image, found.label) == ("b", "c")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": LABEL}, r"expected one Image, found x \(ClassLabel\)"),
        ({"x": IMAGE}, r"expected one ClassLabel, found x \(Image\)"),
        (
            {"x": IMAGE, "y": IMAGE, "z": LABEL},
            r"expected one Image, found x \(Image\), y \(Image\)",
        ),
        (
            {"x": IMAGE, "y": LABEL, "z": LABEL},
            r"expected one ClassLabel, found y \(ClassLabel\), z \(ClassLabel\)",
        ),
        (
            {"x": tfds.features.LabeledImage(labels=2, shape=(8, 9, 1)), "y": LABEL},
            "expected one Image, found x",
        ),
        (
            {"x": tfds.features.Sequence(IMAGE), "y": LABEL},
            r"expected one Image, found x \(Sequence\)",
        ),
        (
            {"x": tfds.features.Image(), "y": LABEL},
            r"x: expected a fixed height .*, found \(None, None, 3\)",
        ),
        (
            {"x": tfds.features.Image(shape=(8, 9, 2)), "y": LABEL},
            r"x: expected .* 1 or 3 channels, found \(8, 9, 2\)",
        ),
        (
            {"x": tfds.features.Image(shape=(8, 9, 1), dtype=np.uint16), "y": LABEL},
            "x: expected uint8 pixels, found uint16",
        ),
        (
            {"x": tfds.features.Image(shape=(8, 9, 1), dtype=np.float32), "y": LABEL},
            "x: expected uint8 pixels, found float32",
        ),
        (
            {"x": IMAGE, "y": tfds.features.ClassLabel()},
            "y: expected a number of classes, found none",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_named(tmp_path, given, message):
    with pytest.raises(idx.IdxError, match=f"--dataset: given/1.0.0: .*{message}"):
        find(tmp_path, given)
